/** How long to wait before the next attempt: full jitter under a doubling cap, so that a fleet does not return as one. */

export type BackOff = { readonly baseMs: number; readonly capMs: number }

/** `attempt` counts from 1; `random` is in [0, 1). */
export const backOffDelayMs = ({ baseMs, capMs }: BackOff, attempt: number, random: number): number =>
  Math.round(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 20)))
