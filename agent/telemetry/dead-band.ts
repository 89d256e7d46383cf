/** What of a sample is worth telling now: what moved far enough since it was told, and everything from time to time. Pure. */
import type { Metrics } from './host-sample.ts'
import type { Metric } from './metrics.ts'

export type Profile = {
  readonly sampleEveryMs: number
  /** everything is told at the latest after this time */
  readonly fullEveryMs: number
  /** nothing is told more often than this, whatever moves; infinite: only what is due in full */
  readonly leastPauseMs: number
  /** the bands of the table, times this */
  readonly bandFactor: number
}

export type Told = {
  readonly values: Metrics
  /** ms of a clock that never jumps */
  readonly fullAtMs: number
  readonly atMs: number
}

export type Worth = { readonly tell?: Metrics; readonly told: Told | undefined }

export const worthTelling = (
  sample: Metrics,
  told: Told | undefined,
  profile: Profile,
  metricOf: (name: string) => Metric | undefined,
  nowMs: number,
): Worth => {
  if (told === undefined || nowMs - told.fullAtMs >= profile.fullEveryMs)
    return { tell: sample, told: { values: sample, fullAtMs: nowMs, atMs: nowMs } }
  if (nowMs - told.atMs < profile.leastPauseMs) return { told }
  const moved = Object.fromEntries(
    Object.entries(sample).filter(([name, value]) =>
      hasMoved(metricOf(name), told.values[name], value, profile.bandFactor),
    ),
  )
  if (Object.keys(moved).length === 0) return { told }
  return { tell: moved, told: { values: { ...told.values, ...moved }, fullAtMs: told.fullAtMs, atMs: nowMs } }
}

const hasMoved = (metric: Metric | undefined, before: number | undefined, now: number, factor: number): boolean => {
  const { band, bandShare = 0 } = metric ?? {}
  if (band === undefined) return false
  if (before === undefined) return true
  return Math.abs(now - before) >= Math.max(band * factor, Math.abs(before) * bandShare)
}
