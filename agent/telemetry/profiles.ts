/** How much is told, by profile. Pure. */
import type { TelemetryProfile } from '../../src/protocol/telemetry.ts'
import type { Profile } from './dead-band.ts'

const minuteMs = 60_000

export const profiles: Readonly<Record<Exclude<TelemetryProfile, 'off'>, Profile>> = {
  minimal: { fullEveryMs: 360 * minuteMs, leastPauseMs: 60 * minuteMs, bandFactor: 2 },
  thrifty: { fullEveryMs: 60 * minuteMs, leastPauseMs: 15 * minuteMs, bandFactor: 1 },
  normal: { fullEveryMs: 5 * minuteMs, leastPauseMs: minuteMs, bandFactor: 0.5 },
}

export const sampleEveryMs = 10_000
