/** How many wrong passwords an address may send: so many at once, and as many more in each minute. Pure but for its counts. */

export type FailedLogins = {
  /** Whether a password of that address is looked at. @param nowMs of a clock that never jumps */
  readonly mayTry: (address: string, nowMs: number) => boolean
  readonly failed: (address: string, nowMs: number) => void
}

/** Addresses that are remembered; the one longest ago is forgotten first. */
const mostAddresses = 10_000

const minuteMs = 60_000

export const createFailedLogins = (maxAMinute: number): FailedLogins => {
  const failures = new Map<string, { readonly count: number; readonly atMs: number }>()
  const countOf = (address: string, nowMs: number): number => {
    const last = failures.get(address)
    return last === undefined ? 0 : Math.max(0, last.count - ((nowMs - last.atMs) / minuteMs) * maxAMinute)
  }
  return {
    mayTry: (address, nowMs) => countOf(address, nowMs) + 1 <= maxAMinute,
    failed: (address, nowMs) => {
      const count = countOf(address, nowMs) + 1
      failures.delete(address)
      failures.set(address, { count, atMs: nowMs })
      const [oldest] = failures.keys()
      if (failures.size > mostAddresses && oldest !== undefined) failures.delete(oldest)
    },
  }
}
