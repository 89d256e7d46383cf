/** What containers said last before they ended: read once for each end, because a crash loop ends often. */
import type { Engine } from '../engine/engine.ts'
import type { ObservedContainer } from './observed.ts'

export type Evidence = {
  /** The last lines of a container; none where they cannot be read. */
  readonly read: (id: string) => Promise<readonly string[]>
  /** Of all that ended otherwise than well, by their id. */
  readonly of: (containers: readonly ObservedContainer[]) => Promise<Readonly<Record<string, readonly string[]>>>
}

/** For people to see what is wrong; the whole log is elsewhere. */
const lineCount = 10

/** A few show what is wrong; the lines of fifty would not fit into a message. */
const mostAtOnce = 5

/** Containers come and go for years: what is forgotten is read once more. */
const mostKnown = 200

export const createEvidence = (engine: Pick<Engine, 'lastLines'>): Evidence => {
  const known = new Map<string, { readonly end: string; readonly lines: readonly string[] }>()

  /** It is told beside a failure, and must not become one. */
  const read = (id: string): Promise<readonly string[]> => engine.lastLines(id, lineCount).catch(() => [])

  return {
    read,
    of: async (containers) => {
      const ended = containers
        .filter(({ state, details }) => state === 'restarting' || (state === 'exited' && details?.exitCode !== 0))
        .slice(0, mostAtOnce)
      if (known.size > mostKnown) known.clear()
      const entries = await Promise.all(
        ended.map(async ({ id, details }) => {
          const end = `${details?.finishedAt} ${details?.restarts}`
          const before = known.get(id)
          const lines = before?.end === end ? before.lines : await read(id)
          known.set(id, { end, lines })
          return [id, lines] as const
        }),
      )
      return Object.fromEntries(entries)
    },
  }
}
