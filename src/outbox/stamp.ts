/** When something happened, on a device whose clock may be set only later, or jump. Pure. */

/** A reading of both clocks at one moment. */
export type Stamp = {
  /** epoch ms of the clock on the wall */
  readonly atMs: number
  /** ms of a clock that never jumps… */
  readonly monotonicMs: number
  /** …and the name of its run: from one boot, or one process, to the next it starts anew */
  readonly boot: string
}

/** By boot: epoch ms at which its steady clock stood at 0, by the newest reading. */
export type Clocks = Readonly<Record<string, number>>

/** Clocks are also slewed; a message must not change each time that it is sent. */
const leastStepMs = 10_000

/** No message waits longer: a greater age says that a clock was wrong, then or now. */
const mostAgeMs = 365 * 86_400_000

/** Whether the clock was set since it was last noted. */
export const isStep = (clocks: Clocks, now: Stamp): boolean => {
  const noted = clocks[now.boot]
  return noted === undefined || Math.abs(noted - (now.atMs - now.monotonicMs)) > leastStepMs
}

/** With this reading noted. The newest few boots are kept: messages of older ones are not waiting any more. */
export const noteClock = (clocks: Clocks, now: Stamp): Clocks => {
  const others = Object.entries(clocks).filter(([boot]) => boot !== now.boot)
  return Object.fromEntries([...others.slice(-7), [now.boot, now.atMs - now.monotonicMs]])
}

/** Epoch ms when it happened, by what the clock of that boot said last. */
export const correctedAt = (stamp: Stamp, clocks: Clocks): number => {
  const zero = clocks[stamp.boot]
  const corrected = zero === undefined ? stamp.atMs : zero + stamp.monotonicMs
  return Math.abs(corrected - stamp.atMs) > leastStepMs ? Math.round(corrected) : stamp.atMs
}

/**
 * How long ago it was, in ms, and never too long: a message is sent once too often rather than thrown away because a clock
 * jumped. Within one boot the steady clock tells. Across boots the clocks on the wall do, and where they cannot be right,
 * only the time since `openedMs` (of the steady clock) is known to have passed.
 */
export const ageMs = (stamp: Stamp, now: Stamp, clocks: Clocks, openedMs: number): number => {
  if (stamp.boot === now.boot) return now.monotonicMs - stamp.monotonicMs
  const age = now.atMs - correctedAt(stamp, clocks)
  return age >= 0 && age <= mostAgeMs ? age : now.monotonicMs - openedMs
}
