/**
 * Messages that could not be written down, as on a full disk: the newest of each topic is taken again until it is on
 * disk, without a new connection. None of them is acknowledged.
 */
import type { Logger } from 'pino'
import { LongshoreError, type Reason, reasonOf } from '../src/protocol/reason.ts'

export type MessageKind = 'desired' | 'secret'

export type PendingMessages = {
  /** @throws whatever `take` throws; what failed for want of a disk is taken again later */
  readonly receive: (kind: MessageKind, app: string, payload: Uint8Array) => Promise<void>
  /** why a message for an app waits */
  readonly reason: (app: string) => Reason | undefined
  readonly stop: () => void
}

export type PendingMessagesInput = {
  /** Resolves when it is on disk. */
  readonly take: (kind: MessageKind, app: string, payload: Uint8Array) => Promise<void>
  /** what `reason` says of an app is another now */
  readonly onChange: (app: string) => void
  readonly log: Logger
  readonly retryMs?: number
}

type Pending = {
  readonly kind: MessageKind
  readonly app: string
  readonly payload: Uint8Array
  readonly reason: Reason
}

export const createPendingMessages = (input: PendingMessagesInput): PendingMessages => {
  const { take, onChange, log, retryMs = 5_000 } = input
  const pending = new Map<string, Pending>()
  let timer: NodeJS.Timeout | undefined

  const drop = (key: string): void => {
    const message = pending.get(key)
    if (message !== undefined && pending.delete(key)) onChange(message.app)
  }

  const retryAll = async (): Promise<void> => {
    for (const [key, message] of [...pending]) {
      try {
        await take(message.kind, message.app, message.payload)
        log.info({ app: message.app, kind: message.kind }, 'a message that waited for the disk was taken')
      } catch (error) {
        if (isDiskFault(error)) continue
        log.error({ app: message.app, err: error }, 'a message that waited for the disk could not be taken')
      }
      // A newer one may have come meanwhile.
      if (pending.get(key) === message) drop(key)
    }
    timer = undefined
    retryLater()
  }

  const retryLater = (): void => {
    if (pending.size > 0) timer ??= setTimeout(() => void retryAll(), retryMs)
  }

  return {
    receive: async (kind, app, payload) => {
      const key = `${kind}/${app}`
      try {
        await take(kind, app, payload)
        drop(key)
      } catch (error) {
        if (isDiskFault(error)) {
          const reason = reasonOf(error)
          const what = kind === 'desired' ? 'the newest deployment waits' : 'the newest secrets wait'
          pending.set(key, { kind, app, payload, reason: { ...reason, message: `${what}: ${reason.message}` } })
          onChange(app)
          retryLater()
        }
        throw error
      }
    },
    reason: (app) => [...pending.values()].find((message) => message.app === app)?.reason,
    stop: () => {
      clearTimeout(timer)
      pending.clear()
    },
  }
}

const isDiskFault = (error: unknown): boolean =>
  error instanceof LongshoreError && (error.code === 'disk-full' || error.code === 'state-unusable')
