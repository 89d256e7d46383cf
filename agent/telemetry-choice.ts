/** Which profile of telemetry is in force: the one that a command chose, for as long as it is to hold, or the configured one. Pure. */
import { defined } from '../src/defined.ts'
import { liveForMs, type SettableProfile } from '../src/protocol/set-telemetry.ts'
import type { DeviceRecord } from './store/device-record.ts'

export type TelemetryChoice = NonNullable<DeviceRecord['telemetry']>

/**
 * @param forMs undefined: for good; `live` never is
 * @param now epoch ms
 */
export const chooseTelemetry = (profile: SettableProfile, forMs: number | undefined, now: number): TelemetryChoice => {
  const boundedMs = forMs ?? (profile === 'live' ? liveForMs : undefined)
  return defined({ profile, until: boundedMs === undefined ? undefined : now + boundedMs })
}

/** @returns the profile, and epoch ms until which it holds; without them for good */
export const telemetryInForce = (
  choice: TelemetryChoice | undefined,
  configured: SettableProfile,
  now: number,
): TelemetryChoice =>
  choice === undefined || (choice.until !== undefined && choice.until <= now) ? { profile: configured } : choice
