/** Who came and who went, a line each in the log. */
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { defined } from '../src/defined.ts'
import type { Peer } from './listen/open-listener.ts'

export const createClientLog = (input: {
  readonly log: Logger
  readonly peerOf: (client: Client) => Peer | undefined
  readonly userOf: (client: Client) => string | undefined
  readonly monotonicMs: () => number
}) => {
  const { log, monotonicMs } = input
  /** Of one that left nobody knows its address any more. */
  const present = new WeakMap<Client, { readonly facts: object; readonly sinceMs: number }>()
  return {
    came: (client: Client): void => {
      const peer = input.peerOf(client)
      const names = { client: client.id, user: input.userOf(client) }
      const facts = defined({ ...names, address: peer?.shown, listener: peer?.listener.name })
      present.set(client, { facts, sinceMs: monotonicMs() })
      log.info(facts, 'client connected')
    },
    left: (client: Client): void => {
      const { facts, sinceMs = monotonicMs() } = present.get(client) ?? {}
      log.info({ ...facts, afterS: Math.round((monotonicMs() - sinceMs) / 1_000) }, 'client disconnected')
    },
  }
}
