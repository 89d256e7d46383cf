/** Waits for a condition instead of for a time: the only way a test here waits. */

import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'

export type EventuallyOptions = { readonly timeoutMs?: number; readonly everyMs?: number }

type Nothing = undefined | null | false

/** Asks until the probe gives something; a probe that throws has not given anything yet. */
export const eventually = async <T>(
  what: string,
  probe: () => T | Nothing | Promise<T | Nothing>,
  { timeoutMs = 15_000, everyMs = 25 }: EventuallyOptions = {},
): Promise<T> => {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    let last: unknown
    try {
      const value = await probe()
      if (value !== undefined && value !== null && value !== false) return value as T
      last = value
    } catch (error) {
      last = error
    }
    if (Date.now() >= deadlineMs)
      throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${inspect(last, { depth: 4 })}`)
    await delay(everyMs)
  }
}
