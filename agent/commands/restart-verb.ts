/**
 * The verb `restart`: the containers of an app, or of a service, in place. Between two turns of the reconciler, which
 * sees them run before and after: it is no crash. What a kill leaves stopped it starts again, as everything that is to run.
 */
import { z } from 'zod'
import { appNameSchema } from '../../src/protocol/names.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import { planRestart, type RestartStep } from '../reconcile/plan-restart.ts'
import type { Reconciler } from '../reconcile/reconciler.ts'
import { emptyRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { refused, type Verb, type VerbContext, verbOf } from './verb.ts'

export type RestartVerbInput = {
  readonly store: Pick<Store, 'app'>
  readonly engine: Pick<Engine, 'stopContainer' | 'startContainer' | 'details'>
  readonly reconciler: Pick<Reconciler, 'between' | 'observe' | 'look'>
}

const argsSchema = z.object({
  app: appNameSchema,
  service: z.string().min(1).optional(),
  by: z.string().max(200).default('somebody'),
})

/** So long a service may take to be healthy again before those that wait for it go on all the same. */
const mostHealthyMs = 60_000
const healthEveryMs = 250

export const restartVerb = ({ store, engine, reconciler }: RestartVerbInput): Verb =>
  verbOf(argsSchema, async ({ app, service }, context) => {
    const work = async () => {
      const { containers } = await reconciler.observe(app)
      const planned = planRestart(store.app(app) ?? emptyRecord(app), containers, service)
      if (planned.kind === 'refused') return refused(planned.reason)
      for (const step of planned.steps) await restartOne(engine, planned.steps, step, context)
      const names = planned.steps.flatMap((step) => step.containers.map(({ name }) => name))
      return { outcome: 'done' as const, result: { restarted: names } }
    }
    // An app that is not there has no turns to wait for.
    if (store.app(app) === undefined) return await work()
    return await reconciler.between(app, work).finally(() => reconciler.look(app))
  })

const restartOne = async (
  engine: RestartVerbInput['engine'],
  steps: readonly RestartStep[],
  { service, containers, timeoutS, awaits }: RestartStep,
  { progress, signal }: VerbContext,
): Promise<void> => {
  const awaited = steps.filter((step) => awaits.includes(step.service)).flatMap((step) => step.containers)
  await Promise.all(awaited.map(({ id }) => untilHealthy(engine, id, signal)))
  if (signal.aborted)
    throw new LongshoreError('command-interrupted', `the agent ends; service ${service} was not restarted`)
  void progress({ doing: `restarting ${service}` })
  await Promise.all(
    containers.map(async ({ id }) => {
      await engine.stopContainer(id, timeoutS)
      await engine.startContainer(id)
    }),
  )
}

const untilHealthy = async (engine: RestartVerbInput['engine'], id: string, signal: AbortSignal): Promise<void> => {
  for (let waitedMs = 0; waitedMs < mostHealthyMs && !signal.aborted; waitedMs += healthEveryMs) {
    if ((await engine.details(id))?.health !== 'starting') return
    await new Promise((resolve) => setTimeout(resolve, healthEveryMs))
  }
}
