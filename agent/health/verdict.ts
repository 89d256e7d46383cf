/**
 * From what is found at each look to a verdict that stands: what comes and goes within seconds is not told, and what was told is
 * taken back when it has been gone for a while. Pure.
 */
import type { Code } from '../../src/protocol/codes.ts'
import type { HealthVerdict } from '../../src/protocol/health.ts'
import type { Finding, Standing } from './findings.ts'

type Tracked = {
  readonly finding: Finding
  /** ms of a clock that never jumps: when it was found first, and last */
  readonly firstMs: number
  readonly lastMs: number
  /** the same: when it was found last to be as bad as it is said to be */
  readonly severeMs: number
  /** it stands: it was found for long enough */
  readonly isTold: boolean
}

export type HealthState = ReadonlyMap<string, Tracked>

export const noFindings: HealthState = new Map()

type Patience = { readonly raiseMs: number; readonly clearMs: number }

const minuteMs = 60_000

/** How long each must be found before it is told, and be gone before it is taken back. */
const patience: Readonly<Partial<Record<Code, Patience>>> = {
  'broker-unreachable': { raiseMs: minuteMs, clearMs: 0 },
  'engine-unreachable': { raiseMs: minuteMs / 4, clearMs: 0 },
  'memory-short': { raiseMs: minuteMs, clearMs: 2 * minuteMs },
  'too-hot': { raiseMs: minuteMs, clearMs: 5 * minuteMs },
  throttled: { raiseMs: minuteMs, clearMs: 10 * minuteMs },
  'messages-dropped': { raiseMs: 0, clearMs: 60 * minuteMs },
  // Both were watched for a while before they were reported.
  'crash-loop': { raiseMs: 0, clearMs: 2 * minuteMs },
  'device-missing': { raiseMs: 10_000, clearMs: 0 },
}
const usualPatience: Patience = { raiseMs: 0, clearMs: minuteMs }

export const look = (before: HealthState, findings: readonly Finding[], nowMs: number): HealthState => {
  const state = new Map<string, Tracked>()
  for (const finding of findings) {
    const known = before.get(finding.key)
    const firstMs = known?.firstMs ?? nowMs
    const isTold = known?.isTold === true || nowMs - firstMs >= patienceFor(finding).raiseMs
    const isAsSevere = known?.finding.severity !== 'failing' || finding.severity === 'failing'
    const severeMs = isAsSevere ? nowMs : known.severeMs
    // What was said stays as it was said, or each look would say it anew; to be said less bad it must be so for a while.
    const isKept =
      known !== undefined &&
      (known.finding.severity === finding.severity || (!isAsSevere && nowMs - severeMs < patienceFor(finding).clearMs))
    const said = isKept ? { finding: known.finding, severeMs } : { finding, severeMs: nowMs }
    state.set(finding.key, { ...said, firstMs, lastMs: nowMs, isTold })
  }
  for (const [key, tracked] of before) {
    const isKept = tracked.isTold && nowMs - tracked.lastMs < patienceFor(tracked.finding).clearMs
    if (!state.has(key) && isKept) state.set(key, tracked)
  }
  return state
}

const patienceFor = ({ code }: Finding): Patience => patience[code] ?? usualPatience

/** How bad what stands is, by key. */
export const standingOf = (state: HealthState): Standing =>
  new Map([...state].filter(([, { isTold }]) => isTold).map(([key, { finding }]) => [key, finding.severity]))

/** The worst first, then as it came. */
export const reasonsOf = (state: HealthState) =>
  [...state.values()]
    .filter(({ isTold }) => isTold)
    .sort(
      (a, b) =>
        Number(b.finding.severity === 'failing') - Number(a.finding.severity === 'failing') || a.firstMs - b.firstMs,
    )
    .map(({ finding: { code, message, severity } }) => ({ code, message, severity }))

export const verdictOf = (reasons: readonly { readonly severity: HealthVerdict }[]): HealthVerdict =>
  reasons.some(({ severity }) => severity === 'failing') ? 'failing' : reasons.length > 0 ? 'degraded' : 'ok'
