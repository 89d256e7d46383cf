/** Two sources of events as one stream: the engine's, which it ends with, and what is told beside it. */
import type { EngineEvent } from './engine.ts'

/** `see` gets each event of the source before it is passed on. */
export async function* eventsBeside(
  source: AsyncIterable<EngineEvent>,
  listeners: Set<(event: EngineEvent) => void>,
  see: (event: EngineEvent) => void,
): AsyncGenerator<EngineEvent> {
  const told: EngineEvent[] = []
  let wake: () => void = () => undefined
  const listener = (event: EngineEvent): void => {
    told.push(event)
    wake()
  }
  listeners.add(listener)
  const events = source[Symbol.asyncIterator]()
  try {
    let next = events.next()
    for (;;) {
      const woken = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined)
      })
      for (let event = told.shift(); event !== undefined; event = told.shift()) yield event
      const result = await Promise.race([next, woken])
      if (result === undefined) continue
      if (result.done === true) return
      see(result.value)
      yield result.value
      next = events.next()
    }
  } finally {
    listeners.delete(listener)
    await events.return?.(undefined)
  }
}
