/** Lets through no more than a thin link takes: what is urgent first, each kind in its order. */
import { LongshoreError } from '../../src/protocol/reason.ts'

export type RateLimits = {
  readonly maxBytesPerSecond: number | undefined
  readonly maxMessagesPerSecond: number | undefined
}

type Waiter = { readonly bytes: number; readonly resolve: () => void; readonly reject: (error: Error) => void }

export type RateGate = ReturnType<typeof createRateGate>

export const createRateGate = (limits: RateLimits, monotonicMs: () => number) => {
  const { maxBytesPerSecond = Number.POSITIVE_INFINITY, maxMessagesPerSecond = Number.POSITIVE_INFINITY } = limits
  const urgent: Waiter[] = []
  const others: Waiter[] = []
  /** Until then the link is busy with what was let through. */
  let busyUntilMs = 0
  let timer: NodeJS.Timeout | undefined

  const costMs = (bytes: number): number => 1_000 * Math.max(bytes / maxBytesPerSecond, 1 / maxMessagesPerSecond)

  const pass = (bytes: number): boolean => {
    const nowMs = monotonicMs()
    if (busyUntilMs > nowMs) return false
    busyUntilMs = nowMs + costMs(bytes)
    return true
  }

  const pump = (): void => {
    clearTimeout(timer)
    for (;;) {
      const list = urgent.length > 0 ? urgent : others
      const [next] = list
      if (next === undefined) return
      if (!pass(next.bytes)) {
        timer = setTimeout(pump, Math.ceil(busyUntilMs - monotonicMs()))
        return
      }
      list.shift()
      next.resolve()
    }
  }

  const isFree = (): boolean => urgent.length + others.length === 0

  return {
    /** undefined: at once. Rejects with `link-down` when the link goes away meanwhile. */
    take: (bytes: number, isUrgent: boolean): Promise<void> | undefined => {
      if (isFree() && pass(bytes)) return undefined
      const turn = new Promise<void>((resolve, reject) => {
        const list = isUrgent ? urgent : others
        list.push({ bytes, resolve, reject })
      })
      pump()
      return turn
    },
    /** false: it is busy, and nobody waits for this one. */
    tryTake: (bytes: number): boolean => isFree() && pass(bytes),
    giveUp: (): void => {
      clearTimeout(timer)
      for (const { reject } of [...urgent.splice(0), ...others.splice(0)])
        reject(new LongshoreError('link-down', 'waiting for a turn to send: the connection was lost'))
    },
  }
}
