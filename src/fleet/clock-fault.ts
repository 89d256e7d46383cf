/** How the clock of a device stands to the one of who looks at it. Pure. */
import { firstDayMs } from '../built-at.ts'

/** Clocks that are set differ by less. */
const toleranceMs = 600_000

const dayMs = 86_400_000

/** Of an answer that came just now. @param at epoch ms, as the device says @param now epoch ms */
export const clockFault = (at: number, now: number): string | undefined =>
  Math.abs(at - now) <= toleranceMs
    ? undefined
    : `its clock is ${durationText(Math.abs(at - now))} ${at > now ? 'ahead of' : 'behind'} that of this machine`

/** Of a message that was retained, nobody knows for how long. */
export const retainedClockFault = (at: number, now: number): string | undefined =>
  at > now || at < firstDayMs ? clockFault(at, now) : undefined

const durationText = (ms: number): string => {
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} minutes`
  if (ms < 2 * dayMs) return `${Math.round(ms / 3_600_000)} hours`
  return ms < 730 * dayMs ? `${Math.round(ms / dayMs)} days` : `${Math.round(ms / (365.25 * dayMs))} years`
}
