/** What a client may publish, subscribe to and get, and under which client id. Pure. The table is docs/roles.md. */
import { siteSchema } from '../../src/protocol/bridge.ts'
import { commandIdSchema, deviceIdSchema } from '../../src/protocol/names.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { type AccessFile, entryOf } from './access-file.ts'
import { covers, fillIn } from './topic-filter.ts'

export type Rights =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'some'
      readonly publish: readonly string[]
      readonly subscribe: readonly string[]
      /** What is delivered, of that which was subscribed to. */
      readonly read: readonly string[]
      /** The only client id that it may have. */
      readonly clientId?: string
      /** Neither a session nor a will, and nothing retained. */
      readonly leavesNothing?: boolean
    }

export const allRights: Rights = { kind: 'all' }

/** undefined: this user may not connect. @param client its client id */
export const rightsOf = (access: AccessFile, user: string, client: string): Rights | undefined => {
  const base = `${access.root}/v1`
  const entry = entryOf(access, user) ?? { role: 'device' as const }
  switch (entry.role) {
    case 'none':
      return undefined
    case 'device': {
      const device = entry.device ?? user
      return deviceIdSchema.safeParse(device).success ? deviceRights(`${base}/${device}`, device) : undefined
    }
    case 'operator': {
      if (entry.devices === undefined) return allRights
      const own = entry.devices.map((device) => `${base}/${device}/#`)
      // One subscription for all devices is what the command asks for; what comes of it is theirs alone.
      return { kind: 'some', publish: own, subscribe: [`${base}/#`], read: [...own, `${base}/bridge/+/status`] }
    }
    case 'bridge': {
      const { site = user, root = access.root, devices } = entry
      return siteSchema.safeParse(site).success ? bridgeRights(`${root}/v1`, site, devices) : undefined
    }
    case 'client': {
      const fill = (filters: readonly string[]): string[] =>
        filters.flatMap((filter) => fillIn(filter, { user, client }) ?? [])
      const subscribe = fill(entry.subscribe)
      return { kind: 'some', publish: fill(entry.publish), subscribe, read: subscribe }
    }
  }
}

/** All that a token is good for: to ask for a certificate, and to hear the answer. @param client its client id */
export const tokenRights = (access: AccessFile, tokenId: string, client: string): Rights | undefined => {
  // Its own, so that no two with one token hear each other.
  if (!commandIdSchema.safeParse(client).success || !client.startsWith(`${tokenId}-`)) return undefined
  const { enroll } = topicsUnder(access.root)
  const subscribe = [enroll(client, 'response')]
  return { kind: 'some', publish: [enroll(client, 'request')], subscribe, read: subscribe, leavesNothing: true }
}

/** What a device says, and what is wanted of it. */
const said = ['status', 'inventory', 'reported/+', 'progress/+', 'event', 'telemetry/#', 'reply/+', 'log/+'] as const
const wanted = ['desired/+', 'secret/+', 'command/+', 'log/+/credit'] as const

const ofDevice = {
  publish: [...said, 'certificate/request'],
  // Of its own status and reports it reads back what the broker kept.
  subscribe: [...wanted, 'status', 'reported/+', 'certificate/response'],
} as const

const deviceRights = (base: string, clientId: string): Rights => {
  const subscribe = ofDevice.subscribe.map((topic) => `${base}/${topic}`)
  const publish = ofDevice.publish.map((topic) => `${base}/${topic}`)
  return { kind: 'some', publish, subscribe, read: subscribe, clientId }
}

/** It speaks for the devices of its site and hears what is wanted of them; and what it says of itself. */
const bridgeRights = (base: string, site: string, devices: readonly string[] = ['+']): Rights => {
  const of = (kinds: readonly string[]): string[] =>
    devices.flatMap((device) => kinds.map((kind) => `${base}/${device}/${kind}`))
  // Sites below that site have bridges too, which it speaks for.
  const publish = [...of(said), `${base}/bridge/+/status`, `${base}/bridge/+/event`]
  const subscribe = [...of(wanted), `${base}/bridge/${site}/status`]
  return { kind: 'some', publish, subscribe, read: subscribe }
}

export const mayPublish = (rights: Rights, topic: string): boolean => isCovered(rights, 'publish', topic)

export const mayRetain = (rights: Rights, topic: string): boolean =>
  mayPublish(rights, topic) && !(rights.kind === 'some' && rights.leavesNothing === true)

export const maySubscribe = (rights: Rights, filter: string): boolean => isCovered(rights, 'subscribe', filter)

/** Judged for each message: a session may have been subscribed to more by somebody else, or in another time. */
export const mayRead = (rights: Rights, topic: string): boolean => isCovered(rights, 'read', topic)

const isCovered = (rights: Rights, what: 'publish' | 'subscribe' | 'read', asked: string): boolean =>
  rights.kind === 'all' || rights[what].some((allowed) => covers(allowed, asked))
