/** Which profile of telemetry is in force: one that a command chose for a while, or for good, or the configured one. Pure. */
import { liveForMs } from '../src/protocol/set-telemetry.ts'
import type { TelemetryProfile } from '../src/protocol/telemetry.ts'
import type { DeviceRecord } from './store/device-record.ts'

/** What was chosen for good stays beside what is chosen for a while, and is back after it. */
export type TelemetryChoice = NonNullable<DeviceRecord['telemetry']>

/**
 * @param forMs undefined: for good; `live` never is
 * @param now epoch ms
 */
export const chooseTelemetry = (
  before: TelemetryChoice | undefined,
  profile: TelemetryProfile,
  forMs: number | undefined,
  now: number,
): TelemetryChoice => {
  const boundedMs = forMs ?? (profile === 'live' ? liveForMs : undefined)
  if (boundedMs === undefined) return { profile }
  return { ...before, meanwhile: { profile, until: now + boundedMs, forMs: boundedMs } }
}

export const telemetryInForce = (
  choice: TelemetryChoice | undefined,
  configured: TelemetryProfile,
  now: number,
): TelemetryProfile => {
  const { profile = configured, meanwhile } = choice ?? {}
  const leftMs = meanwhile === undefined ? 0 : meanwhile.until - now
  // More is left than was ever asked for: the clock was set back, and it would go on for as long.
  return meanwhile !== undefined && leftMs > 0 && leftMs <= meanwhile.forMs ? meanwhile.profile : profile
}
