/**
 * Which way each topic goes. What a device says goes up, what is wanted of it comes down, and nothing goes both ways: what
 * the bridge itself publishes here is never among what it sends up. Pure.
 */
import { deviceIdSchema } from '../../src/protocol/names.ts'
import type { MessageClass } from '../../src/protocol/queued.ts'
import type { BridgeSettings } from './bridge-settings.ts'

export type Route =
  /** Retained: only the newest counts. The lowest rank is sent first. */
  | { readonly way: 'up'; readonly as: 'state'; readonly rank: 0 | 1 | 2; readonly isDeviceStatus: boolean }
  /** It waits for the link, in the queue of its class; of events the message says which. */
  | { readonly way: 'up'; readonly as: 'queued'; readonly messageClass: MessageClass }
  /** It is worth something now or never. */
  | { readonly way: 'up'; readonly as: 'live' }
  | { readonly way: 'down'; readonly as: 'desired' | 'secret' | 'command' | 'credit' }

export type Routes = ReturnType<typeof createRoutes>

export const createRoutes = ({ root, rootAbove, devices }: Pick<BridgeSettings, 'root' | 'rootAbove' | 'devices'>) => {
  const below = `${root}/v1/`
  const above = `${rootAbove ?? root}/v1/`
  const only = devices === undefined ? undefined : new Set(devices)

  const routeOf = (topic: string): Route | undefined => {
    if (!topic.startsWith(below)) return undefined
    const [device = '', kind = '', ...names] = topic.slice(below.length).split('/')
    if (device === 'bridge') return ofBridge(kind, names)
    if (!deviceIdSchema.safeParse(device).success || (only !== undefined && !only.has(device))) return undefined
    return ofDevice(kind, names)
  }

  return {
    /** Of a topic on this broker; undefined: it stays here. */
    routeOf,
    toAbove: (topic: string): string => `${above}${topic.slice(below.length)}`,
    /** undefined: it is not under the root above. */
    toBelow: (topic: string): string | undefined =>
      topic.startsWith(above) ? `${below}${topic.slice(above.length)}` : undefined,
    /** undefined: it is none of those that come down. */
    fromAbove: (topic: string) => {
      if (!topic.startsWith(above)) return undefined
      const local = `${below}${topic.slice(above.length)}`
      const route = routeOf(local)
      return route?.way === 'down' ? { topic: local, as: route.as } : undefined
    },
    /** What is queued goes out under the root of the day. */
    pathOf: (topic: string): string => topic.slice(below.length),
    pathToAbove: (path: string): string => `${above}${path}`,
    stateBelow: `${below}#`,
    filtersAbove: (devices ?? ['+']).flatMap((device) =>
      ['desired/+', 'secret/+', 'command/+', 'log/+/credit'].map((kind) => `${above}${device}/${kind}`),
    ),
  }
}

/** Of a site below this one. */
const ofBridge = (site: string, names: readonly string[]): Route | undefined => {
  if (!deviceIdSchema.safeParse(site).success || names.length !== 1) return undefined
  if (names[0] === 'status') return { way: 'up', as: 'state', rank: 0, isDeviceStatus: false }
  return names[0] === 'event' ? { way: 'up', as: 'queued', messageClass: 'event' } : undefined
}

const ofDevice = (kind: string, names: readonly string[]): Route | undefined => {
  const { length } = names
  if (length === 0) {
    if (kind === 'status') return { way: 'up', as: 'state', rank: 1, isDeviceStatus: true }
    if (kind === 'inventory') return { way: 'up', as: 'state', rank: 2, isDeviceStatus: false }
    return kind === 'event' ? { way: 'up', as: 'queued', messageClass: 'event' } : undefined
  }
  if (kind === 'telemetry') return { way: 'up', as: 'queued', messageClass: 'telemetry' }
  if (kind === 'log' && length === 2 && names[1] === 'credit') return { way: 'down', as: 'credit' }
  if (length !== 1) return undefined
  switch (kind) {
    case 'reported':
      return { way: 'up', as: 'state', rank: 2, isDeviceStatus: false }
    case 'reply':
      return { way: 'up', as: 'queued', messageClass: 'reply' }
    case 'log':
    case 'progress':
      return { way: 'up', as: 'live' }
    case 'desired':
    case 'secret':
    case 'command':
      return { way: 'down', as: kind }
    default:
      return undefined
  }
}
