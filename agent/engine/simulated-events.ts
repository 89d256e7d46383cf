/** The event stream of a simulated engine: every listener gets what is told from the moment it listens. */
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { EngineEvent } from './engine.ts'

type Listener = { readonly queue: EngineEvent[]; isEnded: boolean; wake: () => void }

export const createBroadcast = () => {
  const listeners = new Set<Listener>()

  async function* listen(signal: AbortSignal, isAway: () => boolean): AsyncGenerator<EngineEvent> {
    if (isAway()) throw new LongshoreError('engine-unreachable', 'listening to the events: the engine does not answer')
    const listener: Listener = { queue: [], isEnded: signal.aborted, wake: () => undefined }
    const end = (): void => {
      listener.isEnded = true
      listener.wake()
    }
    signal.addEventListener('abort', end, { once: true })
    listeners.add(listener)
    try {
      for (;;) {
        const event = listener.queue.shift()
        if (event !== undefined) yield event
        else if (listener.isEnded) return
        else
          await new Promise<void>((resolve) => {
            listener.wake = resolve
          })
      }
    } finally {
      listeners.delete(listener)
      signal.removeEventListener('abort', end)
    }
  }

  return {
    listen,
    emit: (event: EngineEvent): void => {
      for (const listener of listeners) {
        listener.queue.push(event)
        listener.wake()
      }
    },
    end: (): void => {
      for (const listener of listeners) {
        listener.isEnded = true
        listener.wake()
      }
    },
  }
}
