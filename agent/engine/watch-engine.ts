/** Listens to the engine for ever: its stream ends with it, and after each opening everything is looked at again. */
import type { Logger } from 'pino'
import { backOffDelayMs } from '../../src/link/back-off.ts'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { Engine, EngineEvent } from './engine.ts'
import { pause } from './pause.ts'

export type WatchInput = {
  readonly engine: Pick<Engine, 'events' | 'facts'>
  readonly signal: AbortSignal
  readonly log: Logger
  readonly random: () => number
  /** the stream stands: what happened before it was not seen */
  readonly onOpen: () => void
  /** the stream ended: until it is open again, nothing is heard of what happens */
  readonly onLost: () => void
  readonly onEvent: (event: EngineEvent) => void
}

/** Resolves when the signal fires. */
export const watchEngine = async ({
  engine,
  signal,
  log,
  random,
  onOpen,
  onLost,
  onEvent,
}: WatchInput): Promise<void> => {
  let attempt = 0
  while (!signal.aborted) {
    try {
      // The API sends no first line, so an answer to another call tells that the engine is there.
      await engine.facts()
      const events = engine.events(signal)[Symbol.asyncIterator]()
      let next = events.next()
      attempt = 0
      onOpen()
      for (let result = await next; result.done !== true; result = await next) {
        onEvent(result.value)
        next = events.next()
      }
      if (!signal.aborted) throw new LongshoreError('engine-unreachable', 'the engine ended its event stream')
    } catch (error) {
      if (signal.aborted) return
      onLost()
      attempt += 1
      const delayMs = 250 + backOffDelayMs({ baseMs: 500, capMs: 15_000 }, attempt, random())
      log.warn({ ...reasonOf(error), delayMs }, 'the engine cannot be listened to; trying again')
      await pause(delayMs, signal)
    }
  }
}
