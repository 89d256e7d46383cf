/** Every topic of protocol v1, built and parsed here and nowhere else. */
import { appNameSchema, commandIdSchema, deviceIdSchema, secretScopeSchema } from './names.ts'

export const defaultRoot = 'longshore'

/** A topic taken apart. `device` is always a valid device id, `app` a valid app name (of secrets also `_registry`), `id` a valid command id. */
export type ParsedTopic =
  | { readonly kind: 'desired' | 'secret' | 'reported' | 'progress'; readonly device: string; readonly app: string }
  | { readonly kind: 'status' | 'inventory' | 'event'; readonly device: string }
  | TelemetryTopic
  | { readonly kind: 'command' | 'reply' | 'log' | 'log-credit'; readonly device: string; readonly id: string }
  | { readonly kind: 'certificate'; readonly device: string; readonly way: CertificateWay }

type TelemetryTopic = {
  readonly kind: 'telemetry'
  readonly device: string
  /** absent: of the host */
  readonly app?: string
}

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
    telemetryOfApp: (device: string, app: string) => `${base}${device}/telemetry/app/${app}`,
    telemetryOfHost: (device: string) => `${base}${device}/telemetry/host`,
    event: (device: string) => `${base}${device}/event`,
    command: (device: string, id: string) => `${base}${device}/command/${id}`,
    reply: (device: string, id: string) => `${base}${device}/reply/${id}`,
    /** `site` is no device: its second level keeps it apart from all of them. */
    bridgeStatus: (site: string) => `${base}bridge/${site}/status`,
    bridgeEvent: (site: string) => `${base}bridge/${site}/event`,
    /** The site, of the status of a bridge; undefined for any other topic. */
    parseBridgeStatus: (topic: string): string | undefined => {
      const [bridge, site, kind, ...rest] = topic.startsWith(base) ? topic.slice(base.length).split('/') : []
      const isStatus = bridge === 'bridge' && kind === 'status' && rest.length === 0
      return isStatus && deviceIdSchema.safeParse(site).success ? site : undefined
    },
    log: (device: string, id: string) => `${base}${device}/log/${id}`,
    logCredit: (device: string, id: string) => `${base}${device}/log/${id}/credit`,
    certificate: (device: string, way: CertificateWay) => `${base}${device}/certificate/${way}`,
    /** Of a device that has no certificate yet: `id` is the client id that it came with. */
    enroll: (id: string, way: CertificateWay) => `${base}enroll/${id}/${way}`,
    /** The id of who asks for its first certificate on this topic; undefined for any other topic. */
    parseEnroll: (topic: string): string | undefined => {
      const [enroll, id, way, ...rest] = topic.startsWith(base) ? topic.slice(base.length).split('/') : []
      return enroll === 'enroll' && way === 'request' && rest.length === 0 ? id : undefined
    },
    /** Where a message goes that was queued for an event, reply or telemetry topic under whatever root and id the device had then. */
    ownTopic: (device: string, queued: string): string => {
      const [, kind] = /\/v1\/[^/]+\/(event|reply\/[^/]+|telemetry\/host|telemetry\/app\/[^/]+)$/.exec(queued) ?? []
      return kind === undefined ? queued : `${base}${device}/${kind}`
    },
    /** undefined for a topic that is not one of ours, or whose names are not valid. */
    parse: (topic: string): ParsedTopic | undefined =>
      topic.startsWith(base) ? parseLevels(topic.slice(base.length)) : undefined,
  }
}

const parseLevels = (path: string): ParsedTopic | undefined => {
  const [device, kind, name, ...rest] = path.split('/')
  if (device === undefined || !deviceIdSchema.safeParse(device).success) return undefined
  if (kind === 'telemetry' && name === 'app' && rest.length === 1)
    return appNameSchema.safeParse(rest[0]).success ? { kind, device, app: rest[0] as string } : undefined
  const isCredit = kind === 'log' && rest.length === 1 && rest[0] === 'credit'
  if (rest.length > 0 && !isCredit) return undefined
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
    case 'log':
      if (!commandIdSchema.safeParse(name).success) return undefined
      return { kind: isCredit ? 'log-credit' : 'log', device, id: name as string }
    case 'certificate':
      return name === 'request' || name === 'response' ? { kind, device, way: name } : undefined
    default:
      return undefined
  }
}
