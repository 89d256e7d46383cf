/**
 * What time it is, on a device whose clock may not be set: the greatest of its own clock, the newest deployment that was
 * accepted and the time this agent was built. Pure.
 */
import { lastDateMs } from '../../src/protocol/names.ts'

export type Clock = {
  /** epoch ms */
  readonly now: number
  /** epoch ms that have passed already though the own clock does not know of it; absent: it may well be right */
  readonly behind?: number
}

/** Clocks of two machines that are both set differ by less. */
const toleranceMs = 600_000

/** @param known epoch ms that lie in the past for certain */
export const clockOf = (ownMs: number, known: readonly number[]): Clock => {
  // What no calendar has, somebody forged, or mistook.
  const now = Math.max(ownMs, ...known.filter((ms) => ms <= lastDateMs))
  return now - ownMs > toleranceMs ? { now, behind: now } : { now }
}

/**
 * What time it is for commands, epoch ms: a clock that is not behind the build was set, and is believed, whatever time
 * a deployment says; else no operator whose clock runs ahead could ever command the device again.
 */
export const believedMs = (ownMs: number, builtAt: number, issued: readonly number[]): number =>
  ownMs >= builtAt ? ownMs : clockOf(ownMs, [builtAt, ...issued]).now
