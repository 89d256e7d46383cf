/** What the embedded broker can be told, with the defaults. docs/broker.md explains each. */
import type { FsyncPolicy } from './persistence/journal.ts'

export type BrokerSettings = {
  readonly host: string
  /** 0: any free port, which `start` names. */
  readonly port: number
  /** No WebSocket listener without it. */
  readonly wsPort?: number
  /** Origins of web pages that may connect over WebSocket, as in `http://127.0.0.1:8080`. */
  readonly allowedOrigins: readonly string[]
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
}

const mebibyte = 1024 * 1024

export const defaultSettings: BrokerSettings = {
  host: '127.0.0.1',
  port: 1883,
  allowedOrigins: [],
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
}
