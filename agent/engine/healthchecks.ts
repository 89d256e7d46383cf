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
  /** Begins one check. `hasPassed` never rejects, and may take for ever. */
  readonly begin: (id: string, command: readonly string[]) => Promise<{ readonly hasPassed: Promise<boolean> }>
}

export type HealthchecksInput = {
  readonly engine: Engine
  readonly checks: Checks
  /** systemd runs on this machine: the engine is left a first check of its own before ours begin */
  readonly isSystemdThere: boolean
  /** ends every watch */
  readonly signal: AbortSignal
  /** epoch ms */
  readonly nowMs: () => number
}

type Watch = { verdict: Verdict; isOfEngine: boolean; readonly abort: AbortController }

export const withHealthchecks = ({ engine, checks, isSystemdThere, signal, nowMs }: HealthchecksInput): Engine => {
  let runner: HealthcheckRunner | undefined
  const watches = new Map<string, Watch>()
  const listeners = new Set<(event: EngineEvent) => void>()

  const end = (id: string): void => {
    watches.get(id)?.abort.abort()
    watches.delete(id)
  }

  const begin = (container: EngineContainer): void => {
    if (signal.aborted || watches.has(container.id)) return
    const watch: Watch = { verdict: firstVerdict, isOfEngine: false, abort: new AbortController() }
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
    let running: { hasPassed: Promise<boolean> } | undefined
    let waitMs = 0
    for (let count = 0; !stop.aborted; ) {
      await pause(waitMs, stop)
      if (stop.aborted) return
      const container = await checks.read(id).catch(() => 'unreachable' as const)
      if (container === 'unreachable') {
        waitMs = unreachablePauseMs
        continue
      }
      if (container === undefined) return
      const { healthcheck, startedAt, isCheckedByEngine } = container
      if (isSystemdThere && isCheckedByEngine) {
        watch.isOfEngine = true
        return
      }
      const sinceStartMs = Math.max(0, nowMs() - startedAt)
      if (count === 0) {
        count = 1
        // One that has run for long already is not kept waiting for an agent that was started anew.
        waitMs = firstPauseMs(healthcheck, sinceStartMs, isSystemdThere)
        if (waitMs > 0) continue
      }
      // One that hangs cannot be killed over the API; it counts as a failure each time, and is not joined by another.
      running ??= await checks.begin(id, healthcheck.command).catch(() => undefined)
      const result = await withinTime(running?.hasPassed ?? Promise.resolve(false), healthcheck.timeoutMs, stop)
      if (stop.aborted) return
      if (result !== undefined) running = undefined
      const before = watch.verdict
      watch.verdict = judgeCheck(before, healthcheck, { hasPassed: result === true, sinceStartMs })
      if (watch.verdict.health !== before.health) tell()
      waitMs = pauseMs(watch.verdict, healthcheck, sinceStartMs)
    }
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

/** The engine's own first check comes after an interval, and leaves its trace when it ends. */
const firstPauseMs = (healthcheck: Healthcheck, sinceStartMs: number, isSystemdThere: boolean): number => {
  const { intervalMs, timeoutMs } = healthcheck
  const untilMs = isSystemdThere ? intervalMs + timeoutMs : pauseMs(firstVerdict, healthcheck, sinceStartMs)
  return Math.max(0, untilMs - sinceStartMs)
}
