/** Which containers of a service may be replaced now: so many at a time, each batch when the one before is as wanted. Pure. */
import type { AppRecord } from '../store/app-record.ts'
import { label } from '../translate/engine-names.ts'
import { hasEnded, isPassedOver } from './judge.ts'
import { isActive, isGood, type ServiceView } from './service-view.ts'
import type { ServicesInput } from './services-input.ts'
import { isRollback } from './target.ts'
import { updateConfigOf } from './update-config.ts'

export const isStartFirst = (view: ServiceView, record: AppRecord): boolean =>
  !view.isJob && updateConfigOf(view.service, isRollback(record)).isStartFirst

/**
 * @param replicas all views of one service
 * @param wakeAt called with the time at which the pause between two batches is over
 */
export const batchOf = (
  replicas: readonly ServiceView[],
  input: ServicesInput,
  wakeAt: (at: number) => void,
): ReadonlySet<ServiceView> => {
  const [first] = replicas
  if (first === undefined) return new Set()
  const { memory, now, record, accepted, deployment } = input
  const { parallelism, delayMs } = updateConfigOf(first.service, isRollback(record))
  const isWaiting = ({ others }: ServiceView): boolean => others.some(isActive)
  const free = replicas.filter((view) => !isWaiting(view))
  // Whatever replaces nothing that runs has nothing to wait for.
  const startable = free.filter((view) => !isUpAlready(view))
  if (accepted.verdict?.isPaused === true) return new Set(startable)

  const isOfThisRelease = ({ wanted }: ServiceView): boolean =>
    wanted?.labels[label.generation] === String(deployment.generation)
  const underWay = replicas.filter(
    (view) =>
      isOfThisRelease(view) &&
      !isGood(view) &&
      !hasEnded(view, memory) &&
      !isPassedOver(view, replicas, record, memory) &&
      (isUpAlready(view) || !isWaiting(view)),
  )
  const waiting = replicas.filter((view) => isWaiting(view) && !isUpAlready(view))
  const replacedAt = replicas.flatMap((view) =>
    isOfThisRelease(view) && isGood(view) && view.wanted !== undefined ? [memory.goodSince[view.wanted.id] ?? now] : [],
  )
  const nextAt = replacedAt.length === 0 || delayMs === 0 ? now : Math.max(...replacedAt) + delayMs
  if (nextAt > now) {
    if (waiting.length > 0) wakeAt(nextAt)
    return new Set(startable)
  }
  return new Set([...startable, ...waiting.slice(0, Math.max(0, parallelism - underWay.length))])
}

const isUpAlready = ({ wanted }: ServiceView): boolean => wanted?.state === 'running'
