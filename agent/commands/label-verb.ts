/** The verb `set-labels`: labels of the device that outlast it all and win over its configuration. On disk first. */
import { z } from 'zod'
import { labelFault } from '../../src/protocol/label.ts'
import { type Labels, labelsInForce, mostLabels, withLabels } from '../labels.ts'
import type { Store } from '../store/store.ts'
import { refused, type Verb, verbOf } from './verb.ts'

export type LabelVerbInput = {
  readonly store: Pick<Store, 'device' | 'updateDevice'>
  readonly configured: Labels
  readonly onChange: () => void
}

const argsSchema = z.object({
  set: z.record(z.string(), z.string()).default({}),
  remove: z.array(z.string()).default([]),
})

export const labelVerb = ({ store, configured, onChange }: LabelVerbInput): Verb =>
  verbOf(argsSchema, async (args) => {
    const fault = Object.entries(args.set).flatMap(([key, value]) => labelFault(key, value) ?? [])[0]
    if (fault !== undefined) return refused({ code: 'message-invalid', message: fault })
    const before = store.device().labels
    const after = withLabels(configured, before, args)
    if (Object.keys(after).length > mostLabels) {
      const message = `a device has ${mostLabels} labels at most`
      return refused({ code: 'message-invalid', message })
    }
    await store.updateDevice((record) => ({
      ...record,
      labels: { ...withLabels(configured, record.labels, args) },
    }))
    onChange()
    return { outcome: 'done', result: { labels: labelsInForce(configured, store.device().labels) } }
  })
