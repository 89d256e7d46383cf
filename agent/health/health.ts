/** The device's own verdict on its health, judged at each sample and whenever the link or the engine comes or goes. */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Health } from '../../src/protocol/health.ts'
import { findingsOf, type HealthFacts, type HealthLimits } from './findings.ts'
import { look, noFindings, reasonsOf, standingOf, verdictOf } from './verdict.ts'

export type HealthInput = {
  readonly limits: HealthLimits
  readonly facts: () => HealthFacts
  /** What others can be told of it is another now: all but that the broker is not in reach. */
  readonly onChange: (health: Health) => void
  /** epoch ms */
  readonly nowMs: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type HealthWatch = {
  readonly look: () => void
  /** With what only somebody on the machine can read while it is so. */
  readonly onTheMachine: () => Health
  readonly toldToOthers: () => Health
  /** The clock on the wall was set, forward by so many ms: since when the verdict stands is said by the new one. */
  readonly shiftClock: (byMs: number) => void
}

export const createHealth = ({ limits, facts, onChange, nowMs, monotonicMs, log }: HealthInput): HealthWatch => {
  let state = noFindings
  let local: Health = { verdict: 'ok', since: nowMs(), reasons: [] }
  let told = local
  const after = (before: Health, reasons: Health['reasons']): Health => {
    const verdict = verdictOf(reasons)
    return { verdict, since: verdict === before.verdict ? before.since : nowMs(), reasons }
  }

  return {
    look: () => {
      state = look(state, findingsOf(facts(), limits, standingOf(state)), monotonicMs())
      const reasons = reasonsOf(state)
      local = after(local, reasons)
      const before = told
      told = after(
        told,
        reasons.filter(({ code }) => code !== 'broker-unreachable'),
      )
      if (isDeepStrictEqual(told, before)) return
      log[told.verdict === 'ok' ? 'info' : 'warn']({ ...told }, `the health of this device: ${told.verdict}`)
      onChange(told)
    },
    onTheMachine: () => local,
    toldToOthers: () => told,
    shiftClock: (byMs) => {
      local = { ...local, since: Math.max(0, local.since + byMs) }
      told = { ...told, since: Math.max(0, told.since + byMs) }
    },
  }
}
