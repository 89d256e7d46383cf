/** What an agent tells of itself and its machine when somebody looks for a fault, by name. */

import type { Outbox } from '../../src/outbox/outbox.ts'
import type { AgentInput } from '../agent-contract.ts'
import type { HardwareFollower } from '../devices/follow-hardware.ts'
import type { Reporter } from '../reconcile/reporter.ts'
import type { SiteKeeper } from '../site-keeper.ts'
import type { FactsInput } from './collect-facts.ts'

export type AgentPartsInput = {
  readonly input: AgentInput
  /** epoch ms */
  readonly startedAt: number
  readonly site: Pick<SiteKeeper, 'hostFacts' | 'labels'>
  readonly hardware: HardwareFollower['current']
  readonly link: () => object
  /** what was judged by them: health, and the profile in force */
  readonly vitalSigns: () => object
  readonly outbox: Pick<Outbox, 'counts'>
  readonly reporter: Pick<Reporter, 'message'>
}

export const agentParts = (own: AgentPartsInput): FactsInput['parts'] => {
  const { input, startedAt, site, hardware, link, vitalSigns, outbox, reporter } = own
  const { version, root, maxBytes, keepaliveS, clientId, policy, store } = input
  return {
    agent: () => {
      const { version: node, pid } = process
      return { version, startedAt, node, pid, memory: process.memoryUsage(), root, maxBytes, keepaliveS, clientId }
    },
    host: site.hostFacts,
    hardware,
    readings: () => input.read?.host(),
    vitalSigns,
    disk: input.readDisk,
    labels: site.labels,
    policy: () => ({ ...policy.status(), inForce: policy.inForce().policy }),
    link,
    outbox: outbox.counts,
    reports: () => store.apps().map(({ app }) => reporter.message(app)),
    log: () => input.ownLog.lines().map(({ text }) => text),
  }
}
