/** The verb `set-telemetry`: how much is told from now on. On disk first, so that it outlasts the agent. */
import { defined } from '../../src/defined.ts'
import { setTelemetryArgs } from '../../src/protocol/set-telemetry.ts'
import type { Store } from '../store/store.ts'
import { chooseTelemetry } from '../telemetry-choice.ts'
import { type Verb, verbOf } from './verb.ts'

export type TelemetryVerbInput = {
  readonly store: Pick<Store, 'device' | 'updateDevice'>
  /** another profile is in force */
  readonly onTelemetry: () => void
  readonly nowMs: () => number
}

export const telemetryVerb = ({ store, onTelemetry, nowMs }: TelemetryVerbInput): Verb =>
  verbOf(setTelemetryArgs, async ({ profile, forMs }) => {
    const now = nowMs()
    await store.updateDevice((record) => ({
      ...record,
      telemetry: chooseTelemetry(record.telemetry, profile, forMs, now),
    }))
    onTelemetry()
    return { outcome: 'done', result: defined({ profile, until: store.device().telemetry?.meanwhile?.until }) }
  })
