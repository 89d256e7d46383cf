/** What the embedded broker can be told, with the defaults. docs/broker.md explains each. */
import type { BridgeConfig } from './bridge/bridge-settings.ts'
import type { ListenerSettings } from './listen/listener-settings.ts'
import type { FsyncPolicy } from './persistence/journal.ts'

export type BrokerSettings = {
  readonly listeners: readonly ListenerSettings[]
  /** The file of passwords; without it nobody can come with one. */
  readonly users?: string
  /** The file of who is more than the device of his name. */
  readonly access?: string
  /** The authority of the site, in the folder that `longshore broker init` made. */
  readonly enrolment?: EnrolmentSettings
  /** Wrong passwords of one address, a minute. */
  readonly maxFailedLogins: number
  /** The folder for what outlasts a restart; without it nothing does. */
  readonly state?: string
  readonly fsync: FsyncPolicy
  /** After a crash, how long clients have to come back before their wills are published. */
  readonly willDelayS: number
  readonly maxPacketBytes: number
  readonly writeBufferBytes: number
  /** How long a client may take nothing of what waits for it. */
  readonly maxStillS: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectRate: number
  /** of one client */
  readonly maxSubscriptions: number
  readonly maxClientIdBytes: number
  readonly maxTopicBytes: number
  readonly maxTopicLevels: number
  /** Of a persistent session: sent and not acknowledged. */
  readonly maxInFlight: number
  /** of all clients together */
  readonly maxQueuedBytes: number
  readonly maxQueuedBytesPerClient: number
  readonly maxQueuedAgeS: number
  readonly maxRetainedBytes: number
  readonly maxSessions: number
  readonly sessionExpiryS: number
  /** The broker above, if there is one. */
  readonly bridge?: BridgeConfig
  /** How often the topics under `$SYS` are published; 0: never. */
  readonly sysIntervalS: number
  /** Where Prometheus finds metrics, on loopback. */
  readonly metrics?: { readonly host?: string | undefined; readonly port: number }
}

export type EnrolmentSettings = {
  readonly folder: string
  /** how long the certificate of a device is good for */
  readonly lifetimeS: number
}

const mebibyte = 1024 * 1024

export const defaultSettings: BrokerSettings = {
  listeners: [{ type: 'tcp', host: '127.0.0.1', port: 1883 }],
  maxFailedLogins: 10,
  fsync: 'interval',
  willDelayS: 120,
  maxPacketBytes: mebibyte,
  writeBufferBytes: mebibyte,
  maxStillS: 60,
  maxConnections: 12_000,
  maxConnectionsPerAddress: 12_000,
  maxConnectRate: 1_000,
  maxSubscriptions: 1_000,
  maxClientIdBytes: 256,
  maxTopicBytes: 1_024,
  maxTopicLevels: 32,
  maxInFlight: 100,
  maxQueuedBytes: 256 * mebibyte,
  maxQueuedBytesPerClient: 16 * mebibyte,
  maxQueuedAgeS: 7 * 86_400,
  maxRetainedBytes: 256 * mebibyte,
  maxSessions: 12_000,
  sessionExpiryS: 14 * 86_400,
  sysIntervalS: 10,
}
