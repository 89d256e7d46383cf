/** The verb `set-labels`: labels of the device that outlast it all and win over its configuration. On disk first. */
import { z } from 'zod'
import { labelFault } from '../../src/protocol/label.ts'
import { describeIssue } from '../../src/protocol/payload.ts'
import { type Labels, labelsInForce, mostLabels, withLabels } from '../labels.ts'
import type { Store } from '../store/store.ts'
import type { Verb } from './verb.ts'

export type LabelVerbInput = {
  readonly store: Pick<Store, 'device' | 'updateDevice'>
  readonly configured: Labels
  readonly onChange: () => void
}

const argsSchema = z.object({
  set: z.record(z.string(), z.string()).default({}),
  remove: z.array(z.string()).default([]),
})

export const labelVerb =
  ({ store, configured, onChange }: LabelVerbInput): Verb =>
  async (args) => {
    const parsed = argsSchema.safeParse(args)
    if (!parsed.success)
      return { outcome: 'refused', reason: { code: 'message-invalid', ...describeIssue(parsed.error) } }
    const { set } = parsed.data
    const fault = Object.entries(set).flatMap(([key, value]) => labelFault(key, value) ?? [])[0]
    if (fault !== undefined) return { outcome: 'refused', reason: { code: 'message-invalid', message: fault } }
    const before = store.device().labels
    const after = withLabels(configured, before, parsed.data)
    if (Object.keys(after).length > mostLabels) {
      const message = `a device has ${mostLabels} labels at most`
      return { outcome: 'refused', reason: { code: 'message-invalid', message } }
    }
    await store.updateDevice((record) => ({
      ...record,
      labels: { ...withLabels(configured, record.labels, parsed.data) },
    }))
    onChange()
    return { outcome: 'done', result: { labels: labelsInForce(configured, store.device().labels) } }
  }
