/** How a service wants to be replaced: `deploy.update_config`, or on the way back `deploy.rollback_config`. Pure. */
import type { Model, Service } from '../../src/compose/model.ts'
import { parseDurationMs } from '../../src/compose/units.ts'

export type UpdateConfig = {
  readonly isStartFirst: boolean
  /** containers at a time; Infinity: all at once */
  readonly parallelism: number
  readonly delayMs: number
  readonly monitorMs: number
  /** of the containers of the service, so many may fail without failing the update: 0 to 1 */
  readonly maxFailureRatio: number
}

const defaultMonitorMs = 10_000

export const updateConfigOf = (service: Service, isRollback: boolean): UpdateConfig => {
  const config = (isRollback ? service.deploy?.rollback_config : service.deploy?.update_config) ?? {}
  const { order, parallelism = 1, delay, monitor, max_failure_ratio: maxFailureRatio = 0 } = config
  return {
    isStartFirst: order === 'start-first',
    parallelism: parallelism === 0 ? Number.POSITIVE_INFINITY : parallelism,
    delayMs: durationMs(delay) ?? 0,
    monitorMs: durationMs(monitor) ?? defaultMonitorMs,
    maxFailureRatio,
  }
}

const defaultDeadlineMs = 300_000

/** Until when, from the first change on, every service must be as wanted. */
export const deadlineMs = (model: Model): number =>
  durationMs(model['x-longshore']?.update?.deadline) ?? defaultDeadlineMs

/** How often a container may end while an update is watched. */
export const toleratedRestarts = (model: Model): number => model['x-longshore']?.update?.tolerateRestarts ?? 0

export type FailureAction = 'rollback' | 'pause' | 'continue'

/** What the services that failed ask for, or, where nobody in particular did, all of them: the most careful of it. */
export const failureActionOf = (model: Model, failed: readonly string[]): FailureAction => {
  const names = failed.length === 0 ? Object.keys(model.services) : failed
  const asked = names.map((name) => model.services[name]?.deploy?.update_config?.failure_action ?? 'rollback')
  return (['rollback', 'pause', 'continue'] as const).find((action) => asked.includes(action)) ?? 'rollback'
}

const durationMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDurationMs(text)
