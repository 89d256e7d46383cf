/** The engine's event stream, line by line. It ends with the engine; the caller opens it again and looks at everything. */

import type Docker from 'dockerode'
import { translateError } from './docker-errors.ts'
import type { EngineEvent } from './engine.ts'
import { readLines } from './read-lines.ts'

/** Named one by one: a healthcheck alone makes three exec events each time, which would be most of the stream. */
const actions = [
  'create',
  'start',
  'die',
  'died',
  'destroy',
  'remove',
  'health_status',
  'rename',
  'pause',
  'unpause',
  'oom',
  'tag',
  'pull',
  'import',
  'load',
  'delete',
]

const subjects = ['container', 'image', 'network', 'volume'] as const

type Line = { Type?: string; Action?: string; Actor?: { ID?: string; Attributes?: Record<string, string> } }

/** Events from one second ago on, so that none falls between the opening and the look that follows it. */
export async function* readEvents(docker: Docker, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const since = Math.max(0, Math.floor(Date.now() / 1000) - 1)
  let stream: NodeJS.ReadableStream & { destroy: () => void }
  try {
    stream = (await docker.getEvents({
      since,
      filters: { type: [...subjects], event: actions },
      abortSignal: signal,
    })) as typeof stream
  } catch (error) {
    if (signal.aborted) return
    throw translateError(error, 'listening to the events of the engine')
  }
  const stop = (): void => stream.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const text of readLines(stream)) {
      const event = toEvent(text)
      if (event !== undefined) yield event
    }
  } catch (error) {
    if (!signal.aborted) throw translateError(error, 'listening to the events of the engine')
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

const toEvent = (text: string): EngineEvent | undefined => {
  let line: Line
  try {
    line = JSON.parse(text) as Line
  } catch {
    return undefined // a torn line at the end of the stream: the full look that follows makes up for it
  }
  const subject = subjects.find((known) => known === line.Type)
  if (subject === undefined) return undefined
  return {
    subject,
    action: line.Action ?? '',
    id: line.Actor?.ID ?? '',
    labels: line.Actor?.Attributes ?? {},
  }
}
