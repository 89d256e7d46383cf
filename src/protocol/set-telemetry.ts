/** The arguments of the command `set-telemetry`. */
import { z } from 'zod'
import { telemetryProfiles } from './telemetry.ts'

const dayMs = 86_400_000

/** `live` is for as long as somebody looks. */
export const liveForMs = 600_000
export const mostLiveMs = dayMs

/** Who wants it for longer wants it for good, and says no time. */
const mostForMs = 366 * dayMs

export const setTelemetryArgs = z
  .object({
    profile: z.enum(telemetryProfiles),
    forMs: z.int().min(1_000).max(mostForMs).optional(),
    by: z.string().max(200).default('somebody'),
  })
  .refine(({ profile, forMs = 0 }) => profile !== 'live' || forMs <= mostLiveMs, {
    path: ['forMs'],
    error: 'live is for 24 h at most',
  })
