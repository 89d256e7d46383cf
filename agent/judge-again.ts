/**
 * Has the deployments that stand on the broker judged again: what was refused before may be taken now. Asked for without
 * a connection, the next one does it.
 */
import type { Logger } from 'pino'
import { reasonOf } from '../src/protocol/reason.ts'

export type JudgeAgainInput = {
  readonly isConnected: () => boolean
  /** Whoever deploys sees first what the device has and allows now. */
  readonly publishInventory: () => Promise<void>
  readonly readDesired: () => Promise<void>
  readonly log: Logger
}

export type JudgeAgain = {
  readonly ask: () => void
  readonly onConnect: () => void
}

export const createJudgeAgain = ({ isConnected, publishInventory, readDesired, log }: JudgeAgainInput): JudgeAgain => {
  let isDue = false

  const onConnect = (): void => {
    if (!isDue) return
    isDue = false
    Promise.all([publishInventory(), readDesired()]).catch((error: unknown) => {
      isDue = true
      log.warn({ ...reasonOf(error) }, 'deployments could not be judged again')
    })
  }

  return {
    ask: () => {
      isDue = true
      if (isConnected()) onConnect()
    },
    onConnect,
  }
}
