/** What the link is given, and what it offers. */
import type { Logger } from 'pino'
import type { LongshoreError } from '../protocol/reason.ts'
import type { BackOff } from './back-off.ts'

/** Where and as whom to connect. `ca`, `cert` and `key` are PEM text. */
export type Broker = {
  /** one address, or several of one logical broker in order of preference, with commas between */
  readonly url: string
  /** default: 3.1.1, which every broker speaks */
  readonly mqttVersion?: '3.1.1' | '5'
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** What may change while the link lives. */
export type Credentials = Pick<Broker, 'ca' | 'cert' | 'key'>

export type Will = { readonly topic: string; readonly payload: Buffer }

export type LinkInput = {
  readonly broker: Broker
  /** Asked before each attempt: a certificate that was renewed holds for the next connection. Default: those of `broker`. */
  readonly credentials?: () => Promise<Credentials>
  readonly clientId: string
  /** true: the broker forgets subscriptions and queued messages at the end of the connection */
  readonly clean: boolean
  readonly keepaliveS: number
  /** how long the TCP and TLS connection and the CONNACK may take; default: 15 s */
  readonly connectTimeoutMs?: number
  /**
   * What the broker has not acknowledged by then never will be on this connection; one ms a byte comes to it, its own and
   * those on their way before it, for thin links. Default: 60 s.
   */
  readonly acknowledgeMs?: number
  readonly backOff: BackOff
  readonly random: () => number
  readonly log: Logger
  /** Called before each attempt; what it returns is the will of that connection. */
  readonly beforeConnect?: () => Promise<Will | undefined>
  /** Called once a connection stands. A rejection closes it, and the next attempt follows. */
  readonly onConnect: (connection: { readonly sessionPresent: boolean }) => Promise<void>
  /**
   * A message. Its PUBACK goes out after this resolves; after a rejection it stays with the broker, and comes again on
   * the next connection. That follows at once, unless the code is disk-full or state-unusable: a new connection would
   * change nothing then. Nothing else is read from the socket meanwhile, so it must never wait for an answer of the broker.
   */
  readonly onMessage: (topic: string, payload: Buffer, flags: { readonly retain: boolean }) => Promise<void>
  readonly onDisconnect?: (reason: LongshoreError) => void
  /** An attempt failed, or a connection that stood was lost; the next attempt follows by itself. */
  readonly onFailure?: (reason: LongshoreError) => void
  /** Another client has the same id, and each of the two throws the other out: do not join in at full speed. */
  readonly isContested?: () => boolean
}

export type Link = {
  readonly start: () => void
  /** Lets the session go tidily: no will is sent. Idempotent. */
  readonly stop: () => Promise<void>
  readonly isConnected: () => boolean
  /** Resolves when the broker has acknowledged (QoS 1) or the socket has taken it (QoS 0). Rejects with `link-down`, in MQTT 5 with `publish-refused`, `broker-busy` or `payload-too-large`. */
  readonly publish: (
    topic: string,
    payload: Buffer,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ) => Promise<void>
  /** What is refused is asked for again a few times. Rejects with `subscription-refused` or `link-down`. Retained messages come again with each call. */
  readonly subscribe: (filters: readonly string[], qos: 0 | 1) => Promise<void>
  readonly unsubscribe: (filters: readonly string[]) => Promise<void>
}
