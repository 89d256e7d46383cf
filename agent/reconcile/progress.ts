/** Tells, at most once a second an app, what is being pulled and what was done. Whoever looks sees it; nobody relies on it. */
import type { Progress } from '../../src/protocol/progress.ts'

export type ProgressTeller = {
  /** bytes came in */
  readonly touch: (app: string) => void
  /** operations were begun, as plan text */
  readonly done: (app: string, texts: readonly string[]) => void
  readonly stop: () => void
}

export type ProgressInput = {
  readonly publish: (app: string, message: Progress) => Promise<void>
  readonly pulls: (app: string) => readonly Progress['pulls'][number][]
  readonly generation: (app: string) => number | undefined
  readonly nowMs: () => number
}

const intervalMs = 1_000

export const createProgress = ({ publish, pulls, generation, nowMs }: ProgressInput): ProgressTeller => {
  const waiting = new Map<string, { texts: string[]; readonly timer: NodeJS.Timeout }>()

  const send = (app: string): void => {
    const entry = waiting.get(app)
    waiting.delete(app)
    const current = generation(app)
    if (entry === undefined || current === undefined) return
    const message: Progress = {
      schema: 1,
      at: nowMs(),
      generation: current,
      pulls: [...pulls(app)],
      operations: entry.texts,
    }
    publish(app, message).catch(() => undefined) // QoS 0 by design: the next one says more
  }

  const touch = (app: string, texts: readonly string[] = []): void => {
    const entry = waiting.get(app)
    if (entry === undefined) waiting.set(app, { texts: [...texts], timer: setTimeout(() => send(app), intervalMs) })
    else entry.texts.push(...texts)
  }

  return {
    touch: (app) => touch(app),
    done: touch,
    stop: () => {
      for (const { timer } of waiting.values()) clearTimeout(timer)
      waiting.clear()
    },
  }
}
