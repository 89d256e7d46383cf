/**
 * The containers of an app as sources of its log. Followed, it looks again whenever something happened to one: what is new
 * joins in, and what was started again goes on behind its last line.
 */
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { Engine, EngineContainer, LogFrame, LogQuery } from '../engine/engine.ts'
import { logTime } from '../engine/log-time.ts'
import { label } from '../translate/engine-names.ts'
import { followLog } from './follow-log.ts'
import type { LogSource } from './source.ts'

export type AppLogInput = {
  readonly engine: Pick<Engine, 'list' | 'logs'>
  readonly agent: string
  readonly app: string
  readonly service?: string | undefined
  readonly query: LogQuery
  /** nobody needs the time of each line, unless there are several containers */
  readonly mayJoin: boolean
  readonly add: (source: LogSource) => void
  /** what was read of a container ended */
  readonly onEnd: () => void
  readonly nowMs: () => number
  readonly signal: AbortSignal
}

/** What is read of a container, and up to where. */
type Reading = { isOpen: boolean; isUnreadable: boolean; lastTime: string | undefined; readonly openedAt: string }

export type AppLog = {
  /** Adds the sources that there are and were not there yet. @returns how many containers the app has @throws as `Engine.list` */
  readonly look: () => Promise<number>
}

export const createAppLog = ({
  engine,
  agent,
  app,
  service,
  query,
  mayJoin,
  add,
  onEnd,
  nowMs,
  signal,
}: AppLogInput): AppLog => {
  const readings = new Map<string, Reading>()
  let isFirstLook = true

  const open = (container: EngineContainer, own: LogQuery, before?: Reading): void => {
    const reading: Reading = {
      isOpen: true,
      isUnreadable: false,
      lastTime: before?.lastTime,
      openedAt: before?.openedAt ?? logTime(nowMs()),
    }
    readings.set(container.id, reading)
    add({ name: nameOf(container), frames: readOn(container.id, own, reading) })
  }

  async function* readOn(id: string, own: LogQuery, reading: Reading): AsyncGenerator<readonly LogFrame[]> {
    const { lastTime: behind, openedAt } = reading
    try {
      const followed = (): AsyncIterable<readonly LogFrame[]> =>
        followLog({ engine, id, query: own, behind, openedAt, signal })
      for await (const frames of own.follow ? followed() : engine.logs(id, own, signal)) {
        reading.lastTime = frames.at(-1)?.time ?? reading.lastTime
        yield frames
      }
    } catch (error) {
      // Where it is followed, an engine that went away comes back, and the next look goes on from here.
      if (query.follow && error instanceof LongshoreError && error.code === 'engine-unreachable') return
      reading.isUnreadable = true
      throw error
    } finally {
      reading.isOpen = false
      if (query.follow && !signal.aborted) onEnd()
    }
  }

  return {
    look: async () => {
      const { containers } = await engine.list({ agent, app })
      const wanted = containers.filter(({ labels }) => service === undefined || labels[label.service] === service)
      for (const container of wanted.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
        const before = readings.get(container.id)
        // What is opened behind a line must tell its lines apart.
        const own = { ...query, joins: mayJoin && wanted.length === 1 }
        if (before === undefined) open(container, isFirstLook ? own : { ...own, tail: undefined })
        else if (!before.isOpen && !before.isUnreadable && container.state === 'running')
          open(container, { ...query, tail: undefined, since: before.lastTime ?? before.openedAt }, before)
      }
      isFirstLook = false
      return containers.length
    },
  }
}

/** As Compose has it. */
const nameOf = ({ labels, name }: EngineContainer): string =>
  labels[label.service] === undefined ? name : `${labels[label.service]}-${labels[label.number] ?? 1}`
