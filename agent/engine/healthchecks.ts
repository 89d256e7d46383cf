/**
 * Runs the healthchecks of containers where the engine does not: Podman leaves them to timers of systemd, and where none
 * run a container would be `starting` for ever. An engine in its own right, around another. It watches the running
 * containers of each list that have a healthcheck, tells their health in lists and details, and in an event when it
 * changes. A container that the engine turns out to check itself is left to it.
 */
import type { HealthState } from '../../src/protocol/reported.ts'
import { type HealthcheckRunner, healthcheckRunner } from './abilities.ts'
import type { Engine, EngineContainer, EngineEvent } from './engine.ts'
import { eventsBeside } from './events-beside.ts'
import { firstVerdict, type Healthcheck, judgeCheck, pauseMs, type Verdict } from './healthcheck-verdict.ts'
import { pause } from './pause.ts'

export type CheckedContainer = {
  readonly healthcheck: Healthcheck
  /** epoch ms */
  readonly startedAt: number
  /** a check of the engine's own has left a trace */
  readonly isCheckedByEngine: boolean
}

export type Checks = {
  /** undefined: it is gone, does not run, or has no healthcheck. Rejects where the engine does not answer. */
  readonly read: (id: string) => Promise<CheckedContainer | undefined>
  /** Begins one check. Rejects where the engine does not answer. */
  readonly begin: (id: string, command: readonly string[]) => Promise<RunningCheck>
}

/** Never rejects, and may take for ever. */
export type RunningCheck = { readonly hasPassed: Promise<boolean> }

export type HealthchecksInput = {
  readonly engine: Engine
  readonly checks: Checks
  /** systemd runs on this machine: the engine is left a first check of its own before ours begin */
  readonly isSystemdThere: boolean
  /** ends every watch */
  readonly signal: AbortSignal
  /** epoch ms */
  readonly nowMs: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
}

type Watch = {
  readonly abort: AbortController
  /** of which run of the container the verdict is */
  startedAt: number | undefined
  /** the same by the clock that never jumps: the one on the wall may be set while the container starts */
  startedMs: number
  verdict: Verdict
  /** a check took too long and still runs */
  isLate: boolean
  isOfEngine: boolean
}

export const withHealthchecks = ({
  engine,
  checks,
  isSystemdThere,
  signal,
  nowMs,
  monotonicMs,
}: HealthchecksInput): Engine => {
  let runner: HealthcheckRunner | undefined
  const watches = new Map<string, Watch>()
  const listeners = new Set<(event: EngineEvent) => void>()

  const end = (id: string): void => {
    watches.get(id)?.abort.abort()
    watches.delete(id)
  }

  const begin = (container: EngineContainer): void => {
    if (signal.aborted || watches.has(container.id)) return
    const watch: Watch = {
      abort: new AbortController(),
      startedAt: undefined,
      startedMs: 0,
      verdict: firstVerdict,
      isLate: false,
      isOfEngine: false,
    }
    watches.set(container.id, watch)
    const tell = (): void => {
      const action = `health_status: ${watch.verdict.health}`
      for (const listener of listeners)
        listener({ subject: 'container', action, id: container.id, labels: container.labels })
    }
    void follow(container.id, watch, tell).finally(() => {
      if (watches.get(container.id) === watch && !watch.isOfEngine) watches.delete(container.id)
    })
  }

  const follow = async (id: string, watch: Watch, tell: () => void): Promise<void> => {
    const stop = AbortSignal.any([signal, watch.abort.signal])
    let waitMs: number | undefined = 0
    while (waitMs !== undefined) {
      await pause(waitMs, stop)
      waitMs = stop.aborted ? undefined : await round(id, watch, tell, stop).catch(() => unreachablePauseMs)
    }
  }

  /** One check, if it is time for one. How long until the next; undefined: there is nothing to watch any more. */
  const round = async (id: string, watch: Watch, tell: () => void, stop: AbortSignal): Promise<number | undefined> => {
    const container = await checks.read(id)
    watch.isOfEngine = isSystemdThere && container?.isCheckedByEngine === true
    if (container === undefined || watch.isOfEngine) return undefined
    const { healthcheck, startedAt } = container
    const isAnotherRun = watch.startedAt !== startedAt
    if (isAnotherRun) watch.startedMs = monotonicMs() - Math.max(0, nowMs() - startedAt)
    const sinceStartMs = monotonicMs() - watch.startedMs
    if (isAnotherRun) {
      watch.startedAt = startedAt
      watch.verdict = firstVerdict
      watch.isLate = false
      const waitMs = firstPauseMs(healthcheck, sinceStartMs, isSystemdThere)
      if (waitMs > 0) return waitMs
    }
    // One that hangs cannot be killed over the API: it counts as a failure each time, whatever it says in the end, and no
    // other is begun beside it.
    let hasPassed: boolean | undefined
    if (watch.isLate) await pause(healthcheck.timeoutMs, stop)
    else {
      const running = await checks.begin(id, healthcheck.command)
      hasPassed = await withinTime(running.hasPassed, healthcheck.timeoutMs, stop)
      watch.isLate = hasPassed === undefined
      void running.hasPassed.then(() => {
        if (watch.startedAt === startedAt) watch.isLate = false
      })
    }
    if (stop.aborted) return undefined
    const before = watch.verdict
    watch.verdict = judgeCheck(before, healthcheck, { hasPassed: hasPassed === true, sinceStartMs })
    if (watch.verdict.health !== before.health) tell()
    return pauseMs(watch.verdict, healthcheck, sinceStartMs)
  }

  /** The engine's own word counts where it may be newer than `starting`, which it says of what it never checks. */
  const isSaidByEngine = (said: HealthState): boolean => said === 'none' || (isSystemdThere && said !== 'starting')

  const healthOf = (id: string, said: HealthState): HealthState => {
    const watch = watches.get(id)
    return watch === undefined || watch.isOfEngine || isSaidByEngine(said) ? said : watch.verdict.health
  }

  return {
    ...engine,
    list: async (scope) => {
      runner ??= healthcheckRunner((await engine.facts()).name)
      const objects = await engine.list(scope)
      if (runner === 'engine') return objects
      for (const container of objects.containers) {
        if (container.state !== 'running' || isSaidByEngine(container.health)) end(container.id)
        else begin(container)
      }
      const containers = objects.containers.map((container) => ({
        ...container,
        health: healthOf(container.id, container.health),
      }))
      return { ...objects, containers }
    },
    details: async (id) => {
      const details = await engine.details(id)
      if (details?.state !== 'running') end(id)
      return details && { ...details, health: healthOf(id, details.health) }
    },
    events: (ending) =>
      eventsBeside(engine.events(ending), listeners, ({ id, action }) => {
        // The next list begins anew with one that was restarted.
        if (action === 'start' || action === 'die' || action === 'died') end(id)
      }),
  }
}

const unreachablePauseMs = 1_000

/** Undefined: it takes longer. */
const withinTime = async (
  result: Promise<boolean>,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<boolean | undefined> => {
  const isOver = new AbortController()
  const timeout = pause(timeoutMs, AbortSignal.any([stop, isOver.signal])).then(() => undefined)
  return Promise.race([result, timeout]).finally(() => isOver.abort())
}

/**
 * One that has run for long is not kept waiting for an agent that was started anew. The engine's own first check comes
 * after an interval, and leaves its trace when it ends.
 */
const firstPauseMs = (healthcheck: Healthcheck, sinceStartMs: number, isSystemdThere: boolean): number => {
  const { intervalMs, timeoutMs } = healthcheck
  const untilMs = isSystemdThere ? intervalMs + timeoutMs : pauseMs(firstVerdict, healthcheck, sinceStartMs)
  return Math.max(0, untilMs - sinceStartMs)
}
