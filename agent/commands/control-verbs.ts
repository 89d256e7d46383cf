/** The verbs `stop`, `start`, `hold` and `unhold`: what an operator wants of an app until it is taken back. On disk first. */
import { z } from 'zod'
import { defined } from '../../src/defined.ts'
import { appNameSchema, epochMsSchema, lastDateMs } from '../../src/protocol/names.ts'
import { wholeApp } from '../reconcile/service-view.ts'
import { targetOf } from '../reconcile/target.ts'
import type { Accepted, AppRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { refused, type Verb, verbOf } from './verb.ts'

export type ControlInput = {
  readonly store: Pick<Store, 'app' | 'updateApp'>
  readonly look: (app: string) => void
  readonly nowMs: () => number
}

export const controlVerbs = (input: ControlInput) => ({
  stop: control(input, serviceArgs, (record, { service, by }, at) => ({
    ...record,
    stopped: { ...record.stopped, [service ?? wholeApp]: { at, by } },
  })),
  start: control(input, serviceArgs, (record, { service }) => {
    const { stopped: _, ...rest } = record
    const left = service === undefined ? {} : stoppedBut(record, service)
    return Object.keys(left).length === 0 ? rest : { ...rest, stopped: left }
  }),
  hold: control(input, holdArgs, (record, { until, reason, by }, at) => ({
    ...record,
    hold: defined({ at, by, until, reason }),
  })),
  unhold: control(input, commonArgs, ({ hold: _, ...record }) => record),
})

const commonArgs = z.object({ app: appNameSchema, by: z.string().max(200).default('somebody') })
const serviceArgs = commonArgs.extend({ service: z.string().min(1).optional() })
const holdArgs = commonArgs.extend({
  until: epochMsSchema.max(lastDateMs).optional(),
  reason: z.string().max(500).optional(),
})

type Args = z.infer<typeof commonArgs> & { readonly service?: string | undefined }

const control = <Schema extends z.ZodType<Args>>(
  { store, look, nowMs }: ControlInput,
  schema: Schema,
  change: (record: AppRecord, args: z.infer<Schema>, now: number) => AppRecord,
): Verb =>
  verbOf(schema, async (args) => {
    const { app, service } = args
    const record = store.app(app)
    if (record?.accepted === undefined || isGone(record.accepted))
      return refused({ code: 'app-unknown', message: `no app ${app} is on the device` })
    const services = servicesOf(record)
    if (service !== undefined && !services.includes(service))
      return refused({
        code: 'reference-missing',
        message: `app ${app} has no service ${service}, but ${services.join(', ')}`,
      })
    await store.updateApp(app, (current) => change(current, args, nowMs()))
    look(app)
    return { outcome: 'done' }
  })

/** Removed: what was said of it would be waiting for one that comes back by the same name. */
const isGone = ({ deployment, verdict }: Accepted): boolean =>
  deployment.remove === true && verdict?.outcome === 'succeeded'

/** None of an app that is to be removed: it can be held until then all the same. */
const servicesOf = (record: AppRecord): string[] => {
  const deployment = targetOf(record).accepted?.deployment
  return deployment === undefined || deployment.remove ? [] : Object.keys(deployment.compose.services).sort()
}

/** Of an app that was stopped as a whole, all but one stay so. */
const stoppedBut = (record: AppRecord, service: string): NonNullable<AppRecord['stopped']> => {
  const { [wholeApp]: whole, ...stopped } = record.stopped ?? {}
  const each = whole === undefined ? {} : Object.fromEntries(servicesOf(record).map((name) => [name, whole]))
  const { [service]: _, ...left } = { ...each, ...stopped }
  return left
}
