/** Which containers of this agent run, and as which process: asked of the engine only when something happened to one. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, EngineContainer, EngineEvent } from '../engine/engine.ts'
import { label } from '../translate/engine-names.ts'

export type RunningContainer = {
  readonly id: string
  readonly app: string
  readonly service: string
  readonly imageBytes?: number | undefined
  /** its first process, as the machine of the engine counts */
  readonly pid: number
}

export type RunningContainers = {
  /** While the engine does not answer, those that ran before; undefined: it never did. Never waits for it for long. */
  readonly current: () => Promise<readonly RunningContainer[] | undefined>
  /** The engine has been asked, and has said nothing for so long that nobody can count on it. */
  readonly isEngineHanging: () => boolean
  readonly onEngineEvent: (event: EngineEvent) => void
  /** Events may have been missed: nothing that was read before is trusted. */
  readonly forgetAll: () => void
}

/** Of what happens to a container: what changes its process, or that there is one. */
const telling = new Set(['start', 'die', 'destroy', 'remove', 'pause', 'unpause'])

/** An engine that hangs must not keep the machine from being sampled, nor its health from being judged. */
const usualPatienceMs = 2_000

/** The stream of events of an engine that hangs stays open: that it does not answer is only known by asking. */
const askAtLeastEveryMs = 60_000
const hangingAfterMs = 30_000

export type RunningContainersInput = {
  readonly engine: Pick<Engine, 'list' | 'details' | 'image'>
  readonly agent: string
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly patienceMs?: number
}

export const createRunningContainers = ({
  engine,
  agent,
  monotonicMs,
  patienceMs = usualPatienceMs,
}: RunningContainersInput): RunningContainers => {
  let known: readonly RunningContainer[] | undefined
  let isStale = true
  /** under way; one that hangs is not asked again before it was heard of, or the engine came anew */
  let reading: Promise<void> | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  /** read of containers, by id; what happened to one takes it out */
  const pids = new Map<string, number>()
  const imageBytes = new Map<string, number | undefined>()

  const pidOf = async ({ id }: EngineContainer): Promise<number> => {
    const pid = pids.get(id) ?? (await engine.details(id))?.pid ?? 0
    if (pid > 0) pids.set(id, pid)
    return pid
  }

  /** An image stays what it is. */
  const bytesOf = async (imageId: string): Promise<number | undefined> => {
    if (!imageBytes.has(imageId)) imageBytes.set(imageId, (await engine.image(imageId))?.sizeBytes)
    return imageBytes.get(imageId)
  }

  const read = async (): Promise<readonly RunningContainer[]> => {
    const { containers } = await engine.list({ agent })
    const running = containers.filter(({ state }) => state === 'running' || state === 'paused')
    for (const id of [...pids.keys()]) if (!running.some((container) => container.id === id)) pids.delete(id)
    for (const id of [...imageBytes.keys()]) if (!running.some(({ imageId }) => imageId === id)) imageBytes.delete(id)
    const found = await Promise.all(
      running.map(async (container) => ({
        id: container.id,
        app: container.labels[label.app] ?? '',
        service: container.labels[label.service] ?? '',
        imageBytes: await bytesOf(container.imageId),
        pid: await pidOf(container),
      })),
    )
    return found.filter(({ pid }) => pid > 0)
  }

  const renew = async (): Promise<void> => {
    isStale = false
    try {
      known = await read()
    } catch {
      // What the engine does not tell now it is asked next time; the apps' reports say that it is away.
      isStale = true
    }
  }

  return {
    current: async () => {
      const isDue = isStale || monotonicMs() - askedMs >= askAtLeastEveryMs
      if (isDue && reading === undefined) {
        askedMs = monotonicMs()
        const own = renew().finally(() => {
          if (reading === own) reading = undefined
        })
        reading = own
      }
      if (reading !== undefined) await Promise.race([reading, delay(patienceMs, undefined, { ref: false })])
      return known
    },
    isEngineHanging: () => reading !== undefined && monotonicMs() - askedMs >= hangingAfterMs,
    onEngineEvent: ({ subject, action, id }) => {
      if (subject !== 'container' || !telling.has(action)) return
      isStale = true
      pids.delete(id)
    },
    forgetAll: () => {
      isStale = true
      reading = undefined
      pids.clear()
    },
  }
}
