/** How often somebody may do something: so many times at once, and as many more in each minute. Pure but for its counts. */

export type MinuteQuota = {
  /** @param who by what they are counted, as an address. @param nowMs of a clock that never jumps */
  readonly isLeft: (who: string, nowMs: number) => boolean
  readonly spend: (who: string, nowMs: number) => void
}

/** Who is remembered; the one longest ago is forgotten first. */
const mostKnown = 10_000

const minuteMs = 60_000

export const createMinuteQuota = (mostAMinute: number): MinuteQuota => {
  const spent = new Map<string, { readonly count: number; readonly atMs: number }>()
  const countOf = (who: string, nowMs: number): number => {
    const last = spent.get(who)
    return last === undefined ? 0 : Math.max(0, last.count - ((nowMs - last.atMs) / minuteMs) * mostAMinute)
  }
  return {
    isLeft: (who, nowMs) => countOf(who, nowMs) + 1 <= mostAMinute,
    spend: (who, nowMs) => {
      const count = countOf(who, nowMs) + 1
      spent.delete(who)
      spent.set(who, { count, atMs: nowMs })
      const [oldest] = spent.keys()
      if (spent.size > mostKnown && oldest !== undefined) spent.delete(oldest)
    },
  }
}
