/** Every topic of protocol v1, built and parsed here and nowhere else. */
import { appNameSchema, commandIdSchema, deviceIdSchema, secretScopeSchema } from './names.ts'

export const defaultRoot = 'longshore'

/** A topic taken apart. `device` is always a valid device id, `app` a valid app name (of secrets also `_registry`), `id` a valid command id. */
export type ParsedTopic =
  | { readonly kind: 'desired' | 'secret' | 'reported' | 'progress'; readonly device: string; readonly app: string }
  | { readonly kind: 'status' | 'inventory' | 'event' | 'telemetry'; readonly device: string }
  | { readonly kind: 'command' | 'reply'; readonly device: string; readonly id: string }
  | { readonly kind: 'certificate'; readonly device: string; readonly way: CertificateWay }

export type CertificateWay = 'request' | 'response'

/** The topics and filters under one root. In filters, `+` may stand for a device or an app. */
export type Topics = ReturnType<typeof topicsUnder>

export const topicsUnder = (root: string) => {
  const base = `${root}/v1/`
  return {
    desired: (device: string, app: string) => `${base}${device}/desired/${app}`,
    secret: (device: string, app: string) => `${base}${device}/secret/${app}`,
    reported: (device: string, app: string) => `${base}${device}/reported/${app}`,
    progress: (device: string, app: string) => `${base}${device}/progress/${app}`,
    status: (device: string) => `${base}${device}/status`,
    inventory: (device: string) => `${base}${device}/inventory`,
    telemetryOfHost: (device: string) => `${base}${device}/telemetry/host`,
    event: (device: string) => `${base}${device}/event`,
    command: (device: string, id: string) => `${base}${device}/command/${id}`,
    reply: (device: string, id: string) => `${base}${device}/reply/${id}`,
    certificate: (device: string, way: CertificateWay) => `${base}${device}/certificate/${way}`,
    /** Of a device that has no certificate yet: `id` is the client id that it came with. */
    enroll: (id: string, way: CertificateWay) => `${base}enroll/${id}/${way}`,
    /** The id of who asks for its first certificate on this topic; undefined for any other topic. */
    parseEnroll: (topic: string): string | undefined => {
      const [enroll, id, way, ...rest] = topic.startsWith(base) ? topic.slice(base.length).split('/') : []
      return enroll === 'enroll' && way === 'request' && rest.length === 0 ? id : undefined
    },
    /** Where a message goes that was queued for an event or reply topic under whatever root and id the device had then. */
    ownTopic: (device: string, queued: string): string => {
      const [, kind] = /\/v1\/[^/]+\/(event|reply\/[^/]+)$/.exec(queued) ?? []
      return kind === undefined ? queued : `${base}${device}/${kind}`
    },
    /** undefined for a topic that is not one of ours, or whose names are not valid. */
    parse: (topic: string): ParsedTopic | undefined =>
      topic.startsWith(base) ? parseLevels(topic.slice(base.length)) : undefined,
  }
}

const parseLevels = (path: string): ParsedTopic | undefined => {
  const [device, kind, name, ...rest] = path.split('/')
  if (device === undefined || rest.length > 0 || !deviceIdSchema.safeParse(device).success) return undefined
  switch (kind) {
    case 'desired':
    case 'reported':
    case 'progress':
      return appNameSchema.safeParse(name).success ? { kind, device, app: name as string } : undefined
    case 'secret':
      return secretScopeSchema.safeParse(name).success ? { kind, device, app: name as string } : undefined
    case 'status':
    case 'inventory':
    case 'event':
      return name === undefined ? { kind, device } : undefined
    case 'telemetry':
      return name === 'host' ? { kind, device } : undefined
    case 'command':
    case 'reply':
      return commandIdSchema.safeParse(name).success ? { kind, device, id: name as string } : undefined
    case 'certificate':
      return name === 'request' || name === 'response' ? { kind, device, way: name } : undefined
    default:
      return undefined
  }
}
