/** What the release before has running stays up while the new one waits for images, names or its window, unless the operator stops it. */
import { isAwaited, translateRestart } from '../translate/translate-service.ts'
import type { Draft } from './draft.ts'
import { type Memory, startAllowedAt } from './memory.ts'
import type { PlanInput } from './plan-contract.ts'
import { planOldProject } from './plan-project.ts'
import { isActive, viewServices } from './service-view.ts'
import { stopMeanwhile } from './stop-meanwhile.ts'

/**
 * Starts what ended of it. What was told to end by the operator, or by this very update, is left as it is; what one that
 * was superseded in the middle of a swap told to end comes back, if nothing has taken its place: the wait may be long.
 */
export const keepOldRunning = (draft: Draft, input: PlanInput, memory: Memory): void => {
  const { owner, record, observed, secretVersions, now } = input
  const { app, accepted, lastGood, completedJobs, stopped } = record
  stopMeanwhile(draft, input)
  if (lastGood === undefined || observed.containers.every(({ state }) => state !== 'exited')) return
  const { compose, images, generation, files = {}, written = {} } = lastGood
  const deployment = { compose, files, generation }
  const views = viewServices({
    ...{ owner, app, deployment, images, written, secretVersions, completedJobs, stopped, observed },
  })
  const unready = planOldProject(draft, { app, observed: input.files, release: { compose, files, secretVersions } })
  const outcome = accepted?.verdict?.outcome
  const isUntouched = outcome === undefined ? accepted?.begun === undefined : outcome === 'succeeded'
  for (const { name: service, service: model, wanted, others, isJob, isStopped, devices } of views.values()) {
    if (wanted?.state !== 'exited' || isJob || isStopped || unready.has(service)) continue
    if (devices.missing !== undefined) continue
    if (wanted.details === undefined) continue
    if (wanted.details.restartPolicy === 'no') {
      if (!isUntouched || others.some(isActive)) continue
      draft.propose({
        kind: 'allow-restart',
        target: wanted.name,
        service,
        id: wanted.id,
        restart: translateRestart(model, isAwaited(compose, service)),
        cause: 'the release before runs until the new one is ready',
      })
      continue
    }
    const allowedAt = startAllowedAt(memory, wanted.id, now)
    if (allowedAt > now) draft.wakeAt(allowedAt)
    else
      draft.propose({
        kind: 'start-container',
        target: wanted.name,
        service,
        id: wanted.id,
        cause: 'the release before runs until the new one is ready',
      })
  }
}
