/**
 * Notices that a running container has lost its GPU: with the systemd cgroup driver each `systemctl daemon-reload` takes
 * from it what the engine did not hand over itself. Only for services that say they may be made anew for it.
 */
import type { Logger } from 'pino'
import { reasonOf } from '../../src/protocol/reason.ts'
import { placesToWatch, probeNodes } from '../allot/lost-gpus.ts'
import type { Site } from '../allot/site.ts'
import type { Engine } from '../engine/engine.ts'
import type { AppRecord } from '../store/app-record.ts'
import { label } from '../translate/engine-names.ts'
import type { RunningContainer } from './container-dev.ts'
import type { Access } from './open-as-container.ts'

export type GpuProbe = {
  readonly everyMs: number
  readonly open: (container: RunningContainer, nodes: readonly string[]) => Promise<Access>
}

export type GpuWatchInput = GpuProbe & {
  readonly engine: Pick<Engine, 'list' | 'details'>
  readonly agent: string
  readonly records: () => readonly AppRecord[]
  readonly site: () => Promise<Site>
  readonly onLost: (app: string) => void
  readonly log: Logger
}

export type GpuWatch = {
  /** Ids of containers that are to be made anew. */
  readonly lost: () => ReadonlySet<string>
  readonly look: () => Promise<void>
  readonly start: () => void
  readonly stop: () => void
}

export const createGpuWatch = (input: GpuWatchInput): GpuWatch => {
  const { engine, agent, log } = input
  const lost = new Set<string>()
  /** by place: the container that was made anew for it last, until its successor was seen to have a GPU */
  const madeAnew = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false

  const judge = (app: string, place: string, id: string, access: Access): void => {
    if (access === 'allowed') madeAnew.delete(place)
    if (access !== 'denied' || lost.has(id)) return
    const before = madeAnew.get(place)
    if (before === id) return
    if (before !== undefined) {
      madeAnew.set(place, id)
      log.warn(
        { app, place, code: 'gpu-missing' },
        'a container has no GPU although it was made anew; it is left alone',
      )
      return
    }
    madeAnew.set(place, id)
    lost.add(id)
    log.warn({ app, place, code: 'gpu-missing' }, 'a container lost its GPU and is made anew')
    input.onLost(app)
  }

  const lookOnce = async (): Promise<void> => {
    const places = placesToWatch(input.records())
    if (places.size === 0) return
    const nodes = probeNodes((await input.site()).devices)
    const { containers } = await engine.list({ agent })
    for (const { id, labels, state } of containers) {
      const app = labels[label.app] ?? ''
      const service = labels[label.service] ?? ''
      if (state !== 'running' || !places.has(`${app}/${service}`)) continue
      const pid = (await engine.details(id))?.pid
      if (pid === undefined) continue
      judge(app, `${app}/${service}.${labels[label.number] ?? '1'}`, id, await input.open({ id, pid }, nodes))
    }
    const there = new Set(containers.map(({ id }) => id))
    for (const id of lost) if (!there.has(id)) lost.delete(id)
  }

  const look = async (): Promise<void> => {
    if (isLooking) return
    isLooking = true
    try {
      await lookOnce()
    } catch (error) {
      log.debug({ ...reasonOf(error) }, 'it could not be seen whether containers have their GPUs')
    } finally {
      isLooking = false
    }
  }

  return {
    lost: () => lost,
    look,
    start: () => {
      timer = setInterval(() => void look(), input.everyMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
