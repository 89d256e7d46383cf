/**
 * How soon hardware that changed is published: within a fraction of a second, together with what changes with it; of an adapter
 * that comes and goes without end only so often, since each inventory has all the hardware in it.
 */
export type InventoryPacer = {
  /** Once for all that is said before it is due. */
  readonly soon: () => void
  readonly stop: () => void
}

/** @param monotonicMs of a clock that never jumps */
export const createInventoryPacer = ({
  publish,
  monotonicMs,
  togetherMs = ofOneAdapterMs,
}: {
  readonly publish: () => void
  readonly monotonicMs: () => number
  /** changes that come so close are one */
  readonly togetherMs?: number
}): InventoryPacer => {
  let pace = fullPace
  let timer: NodeJS.Timeout | undefined
  return {
    soon: () => {
      if (timer !== undefined) return
      const next = nextPublication(pace, monotonicMs(), togetherMs)
      pace = next.pace
      timer = setTimeout(() => {
        timer = undefined
        publish()
      }, next.delayMs)
    },
    stop: () => clearTimeout(timer),
  }
}

export type InventoryPace = { readonly tokens: number; readonly atMs: number }

const burst = 20
const refillMs = 10_000
/** An adapter with four ports, and its links, are one message. */
const ofOneAdapterMs = 250

export const fullPace: InventoryPace = { tokens: burst, atMs: 0 }

/**
 * Pure.
 * @returns how long to wait, and the pace after it was published then
 */
export const nextPublication = (
  { tokens, atMs }: InventoryPace,
  nowMs: number,
  togetherMs = ofOneAdapterMs,
): { readonly delayMs: number; readonly pace: InventoryPace } => {
  const delayMs = Math.max(togetherMs, atMs + (1 - tokens) * refillMs - nowMs)
  const thenMs = nowMs + delayMs
  const filled = Math.min(burst, tokens + (thenMs - atMs) / refillMs)
  return { delayMs, pace: { tokens: filled - 1, atMs: thenMs } }
}
