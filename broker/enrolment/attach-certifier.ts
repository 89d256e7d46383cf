/** Puts the authority between what clients publish and what they are answered. */
import type { Logger } from 'pino'
import { topicsUnder } from '../../src/protocol/topics.ts'
import type { Access } from '../access/access.ts'
import type { Accounts } from '../access/accounts.ts'
import type { OrderedAedes } from '../ordered-aedes.ts'
import type { EnrolmentSettings } from '../settings.ts'
import { createCertifier } from './certifier.ts'
import { holderOf } from './holder-of.ts'
import type { Site } from './open-site.ts'

export const attachCertifier = (
  input: EnrolmentSettings & {
    readonly aedes: OrderedAedes
    readonly site: Site
    readonly accounts: Accounts
    readonly access: Pick<Access, 'askerOf' | 'failed'>
    readonly nowMs: () => number
    readonly log: Logger
  },
): void => {
  const { aedes, site, accounts, access, nowMs, log } = input
  const certifier = createCertifier({
    site,
    topics: () => topicsUnder(accounts.access().root),
    lifetimeMs: input.lifetimeS * 1_000,
    holderOf: (name) => holderOf(accounts, name),
    answer: (topic, payload) =>
      aedes.publish({ cmd: 'publish', dup: false, topic, payload, qos: 1, retain: false }, (error) => {
        if (error) log.error({ topic, reason: error.message }, 'an answer of the authority could not be sent')
      }),
    failed: access.failed,
    nowMs,
    monotonicMs: () => performance.now(),
    log,
  })
  aedes.on('publish', ({ topic, payload }, client) => {
    if (client !== null) certifier.published(topic, payload as Buffer, () => access.askerOf(client))
  })
}
