/** How often is looked, and how much is told, by profile. Pure. */
import type { TelemetryProfile } from '../../src/protocol/telemetry.ts'
import type { Profile } from './dead-band.ts'

const minuteMs = 60_000

/** Also of a device that tells nothing: its own verdict on its health needs it. */
const sampleEveryMs = 10_000

export const profiles: Readonly<Record<TelemetryProfile, Profile>> = {
  off: { sampleEveryMs, fullEveryMs: Number.POSITIVE_INFINITY, leastPauseMs: Number.POSITIVE_INFINITY, bandFactor: 1 },
  minimal: { sampleEveryMs, fullEveryMs: 360 * minuteMs, leastPauseMs: 60 * minuteMs, bandFactor: 2 },
  thrifty: { sampleEveryMs, fullEveryMs: 60 * minuteMs, leastPauseMs: 15 * minuteMs, bandFactor: 1 },
  normal: { sampleEveryMs, fullEveryMs: 5 * minuteMs, leastPauseMs: minuteMs, bandFactor: 0.5 },
  live: { sampleEveryMs: 1_000, fullEveryMs: 1_000, leastPauseMs: 1_000, bandFactor: 0 },
}
