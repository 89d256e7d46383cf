/** Runs the checks of a broker one after the other, and takes away what they left there. */
import type { Broker } from '../../../link/contract.ts'
import { openProbe, type Probe } from '../../../link/probe.ts'
import { explain } from '../../../protocol/codes.ts'
import { reasonOf } from '../../../protocol/reason.ts'
import type { Check, Finding } from '../finding.ts'
import type { BrokerContext } from './broker-context.ts'
import { checkAddresses, checkConnection, checkVersions } from './check-connection.ts'
import {
  checkDeletion,
  checkQos,
  checkRetained,
  checkRetainedWildcard,
  checkSession,
  checkWill,
} from './check-messages.ts'
import { checkRights } from './check-rights.ts'
import { checkDots, checkPayload, checkShared } from './check-topics.ts'

const first: readonly Check<BrokerContext>[] = [checkAddresses, checkVersions, checkDots]

/** Of no use where not even one message comes. */
const onMessages: readonly Check<BrokerContext>[] = [
  checkRetained,
  checkRetainedWildcard,
  checkDeletion,
  checkWill,
  checkSession,
  checkPayload,
  checkShared,
]

export type ExamineInput = {
  readonly broker: Broker
  readonly root: string
  readonly scratch: string
  readonly timeoutMs: number
  readonly onFinding?: (finding: Finding) => void
}

export const examineBroker = async (input: ExamineInput): Promise<Finding[]> => {
  const { broker, scratch, timeoutMs } = input
  const findings: Finding[] = []
  const probes: Probe[] = []
  const retained = new Set([`${scratch}/will`])
  const context: BrokerContext = {
    ...input,
    open: async (own = {}) => {
      const probe = await openProbe({ broker, timeoutMs, ...own })
      probes.push(probe)
      return probe
    },
    retain: async (probe, topic, payload) => {
      retained.add(topic)
      await probe.publish(topic, payload, true)
    },
  }
  const closeAll = async (): Promise<void> => {
    await Promise.all(probes.splice(0).map((probe) => probe.close()))
  }
  const run = async (check: Check<BrokerContext>): Promise<Finding> => {
    const finding = { check: check.name, ...(await check.run(context).catch(failed)) }
    await closeAll()
    findings.push(finding)
    input.onFinding?.(finding)
    return finding
  }
  if ((await run(checkConnection)).verdict === 'fails') return findings
  try {
    for (const check of first) await run(check)
    const { verdict } = await run(checkQos)
    for (const check of verdict === 'fails' ? [] : onMessages) await run(check)
    await run(checkRights)
  } finally {
    await clear(context, retained)
    await closeAll()
  }
  return findings
}

const failed = (error: unknown): Omit<Finding, 'check'> => {
  const { code, message } = reasonOf(error)
  return {
    verdict: 'fails',
    found: message,
    meaning: 'what this was to try does not work',
    remedy: explain(code).remedy,
  }
}

/** As far as the broker lets us: it was allowed to be put there. */
const clear = async ({ open }: BrokerContext, topics: ReadonlySet<string>): Promise<void> => {
  let probe = await open()
  for (const topic of topics) {
    if (probe.isClosed()) probe = await open()
    await probe.publish(topic, '', true).catch(() => undefined)
  }
}
