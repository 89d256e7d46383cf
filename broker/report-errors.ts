/** Why connections ended, in the log, once each. */
import type { Aedes, Client } from 'aedes'
import type { Logger } from 'pino'
import type { Code } from '../src/protocol/codes.ts'
import { LongshoreError } from '../src/protocol/reason.ts'
import type { Refusal, Refusals } from './refusals.ts'

/** Those that are counted where they are found. */
const refusalOf: Readonly<Partial<Record<Code, Refusal>>> = {
  'payload-too-large': 'maxPacketBytes',
  'reader-too-slow': 'slowReader',
}

export const reportErrors = (
  aedes: Aedes,
  input: {
    readonly log: Logger
    readonly refusals: Refusals
    readonly addressOf: (client: Client) => string | undefined
  },
): void => {
  const { log, refusals } = input
  // aedes reports the same end more than once; the first time says why.
  const reported = new WeakSet<Client>()
  const report = (client: Client, error: Error): void => {
    if (reported.has(client)) return
    reported.add(client)
    const facts = { client: client.id ?? undefined, address: input.addressOf(client), reason: error.message }
    if (!(error instanceof LongshoreError)) {
      log.info(facts, 'client closed')
      return
    }
    log.warn({ ...facts, code: error.code }, 'client closed')
    const refusal = refusalOf[error.code]
    if (refusal !== undefined) refusals.count(refusal)
  }
  aedes.on('clientError', report)
  aedes.on('connectionError', report)
  // Without a listener an error of the persistence would end the process.
  aedes.addListener('error', (error: Error) => log.error({ reason: error.message }, 'broker error'))
}
