/**
 * What a healthcheck has come to, by Docker's rules. Pure.
 *
 *   starting ── a check passes ──▶ healthy ◀── a check passes ──┐
 *      │                              │                         │
 *      └── `retries` in a row fail, those of the start period ──┴──▶ unhealthy
 *          not counted
 */
import type { HealthState } from '../../src/protocol/reported.ts'

export type Healthcheck = {
  readonly command: readonly string[]
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly retries: number
  readonly startPeriodMs: number
  /** between checks in the start period, until one passes */
  readonly startIntervalMs: number
}

export type Verdict = { readonly health: Exclude<HealthState, 'none'>; readonly failures: number }

export const firstVerdict: Verdict = { health: 'starting', failures: 0 }

/** `sinceStartMs`: how long the container had run when the check began. */
export const judgeCheck = (
  before: Verdict,
  check: Pick<Healthcheck, 'retries' | 'startPeriodMs'>,
  { hasPassed, sinceStartMs }: { readonly hasPassed: boolean; readonly sinceStartMs: number },
): Verdict => {
  if (hasPassed) return { health: 'healthy', failures: 0 }
  if (before.health === 'starting' && sinceStartMs < check.startPeriodMs) return before
  const failures = before.failures + 1
  return { health: failures >= check.retries ? 'unhealthy' : before.health, failures }
}

/** How long to wait before the next check. */
export const pauseMs = (
  { health }: Verdict,
  check: Pick<Healthcheck, 'intervalMs' | 'startPeriodMs' | 'startIntervalMs'>,
  sinceStartMs: number,
): number => (health === 'starting' && sinceStartMs < check.startPeriodMs ? check.startIntervalMs : check.intervalMs)
