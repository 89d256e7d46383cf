/**
 * How soon hardware that changed is published: within a fraction of a second, together with what changes with it; of an adapter
 * that comes and goes without end only so often, since each inventory has all the hardware in it. Pure.
 */
export type InventoryPace = { readonly tokens: number; readonly atMs: number }

const burst = 20
const refillMs = 10_000
/** An adapter with four ports, and its links, are one message. */
const togetherMs = 250

export const fullPace: InventoryPace = { tokens: burst, atMs: 0 }

/**
 * @param nowMs of a clock that never jumps
 * @returns how long to wait, and the pace after it was published then
 */
export const nextPublication = (
  { tokens, atMs }: InventoryPace,
  nowMs: number,
): { readonly delayMs: number; readonly pace: InventoryPace } => {
  const delayMs = Math.max(togetherMs, atMs + (1 - tokens) * refillMs - nowMs)
  const thenMs = nowMs + delayMs
  const filled = Math.min(burst, tokens + (thenMs - atMs) / refillMs)
  return { delayMs, pace: { tokens: filled - 1, atMs: thenMs } }
}
