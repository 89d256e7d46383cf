/** Update locks: a folder that a service gets, in which a file `lock` keeps updates waiting. Pure. */
import type { Model, Service } from './model.ts'
import { parseDurationMs } from './units.ts'

/** Where the folder stands in a container. */
export const lockTarget = '/run/longshore'

export const leastLockExpiryMs = 60_000
export const mostLockExpiryMs = 30 * 86_400_000

export const hasLock = (service: Service): boolean => service['x-longshore']?.lock === true

export const usesLock = (model: Model): boolean => Object.values(model.services).some(hasLock)

/** How long a lock holds after it was last written, in ms: a crashed app must not lock for ever. */
export const lockExpiryMs = (model: Model): number => {
  const text = model['x-longshore']?.update?.lockExpiry
  return (text === undefined ? undefined : parseDurationMs(text)) ?? 86_400_000
}
