/** What must hold for the windows and the lock expiry of a model: the reader says it with line and column, this again on the device. */
import type { Fault } from './check.ts'
import { leastLockExpiryMs, lockExpiryMs, mostLockExpiryMs } from './lock.ts'
import type { Model } from './model.ts'
import { parseWindow } from './window.ts'

export const windowFaults = (model: Model): Fault[] => {
  const fault = (path: (string | number)[], message: string): Fault => ({
    code: 'value-invalid',
    path: ['x-longshore', 'update', ...path],
    message,
  })
  const windows = model['x-longshore']?.update?.window ?? []
  const expiryMs = lockExpiryMs(model)
  return [
    ...windows.flatMap((text, index) => {
      const parsed = parseWindow(text)
      return parsed.ok ? [] : [fault(['window', index], `window ${JSON.stringify(text)} ${parsed.fault}`)]
    }),
    ...(expiryMs < leastLockExpiryMs || expiryMs > mostLockExpiryMs
      ? [fault(['lockExpiry'], 'lockExpiry must be a duration from 1m to 30d')]
      : []),
  ]
}
