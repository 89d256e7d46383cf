/** What the release before has running stays up while the new one waits for images, names or its window. */
import type { Draft } from './draft.ts'
import { type Memory, startAllowedAt } from './memory.ts'
import type { PlanInput } from './plan-contract.ts'
import { planOldProject } from './plan-project.ts'
import { viewServices } from './service-view.ts'

/** Starts what ended of it. What was told to end, by an update or by the operator, is left as it is. */
export const keepOldRunning = (draft: Draft, input: PlanInput, memory: Memory): void => {
  const { owner, record, observed, secretVersions, now } = input
  const { app, lastGood, completedJobs, stopped } = record
  if (lastGood === undefined || observed.containers.every(({ state }) => state !== 'exited')) return
  const { compose, images, generation, files = {}, written = {} } = lastGood
  const deployment = { compose, files, generation }
  const views = viewServices({
    ...{ owner, app, deployment, images, written, secretVersions, completedJobs, stopped, observed },
  })
  const unready = planOldProject(draft, { app, observed: input.files, release: { compose, files, secretVersions } })
  for (const { name: service, wanted, isJob, isStopped } of views.values()) {
    if (wanted?.state !== 'exited' || isJob || isStopped || unready.has(service)) continue
    if (wanted.details === undefined || wanted.details.restartPolicy === 'no') continue
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
