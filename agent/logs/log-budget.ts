/** How many bytes logs may cost in a day (UTC), counted over restarts: what a kill forgets is a hundredth of it at most. */
import type { Logger } from 'pino'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { Store } from '../store/store.ts'

export type LogBudget = {
  /** @throws LongshoreError log-budget-spent, and nothing is counted then */
  readonly spend: (bytes: number) => void
}

const dayMs = 86_400_000

/** @param bytesPerDay 0: no limit, and nothing is written */
export const createLogBudget = (
  bytesPerDay: number,
  store: Pick<Store, 'device' | 'updateDevice'>,
  nowMs: () => number,
  log: Logger,
): LogBudget => {
  const kept = store.device().logBytes
  let day = kept?.day ?? 0
  let spent = kept?.bytes ?? 0
  let unwritten = 0

  const keep = (): void => {
    unwritten = 0
    const logBytes = { day, bytes: spent }
    store
      .updateDevice((record) => ({ ...record, logBytes }))
      .catch((error: unknown) => log.warn({ ...reasonOf(error) }, 'the bytes that logs cost could not be kept'))
  }

  return {
    spend: (bytes) => {
      if (bytesPerDay === 0) return
      const today = Math.floor(nowMs() / dayMs)
      if (today !== day) [day, spent] = [today, 0]
      if (spent + bytes > bytesPerDay) {
        if (unwritten > 0) keep()
        throw new LongshoreError('log-budget-spent', `logs cost ${spent} of ${bytesPerDay} bytes today (UTC)`)
      }
      spent += bytes
      unwritten += bytes
      if (unwritten * 100 >= bytesPerDay) keep()
    },
  }
}
