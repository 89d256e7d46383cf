/** The verb `set-telemetry`: how much is told from now on. On disk first, so that it outlasts the agent. */
import { defined } from '../../src/defined.ts'
import { setTelemetryArgs } from '../../src/protocol/set-telemetry.ts'
import type { Store } from '../store/store.ts'
import { chooseTelemetry, type TelemetryChoice } from '../telemetry-choice.ts'
import { type Verb, verbOf } from './verb.ts'

export type TelemetryVerbInput = {
  readonly store: Pick<Store, 'updateDevice'>
  readonly telemetry: {
    /** @param untilMs epoch ms; absent: for good */
    readonly setProfile: (profile: TelemetryChoice['profile'], untilMs?: number) => Promise<void>
  }
  readonly nowMs: () => number
}

export const telemetryVerb = ({ store, telemetry, nowMs }: TelemetryVerbInput): Verb =>
  verbOf(setTelemetryArgs, async ({ profile, forMs }) => {
    const choice = chooseTelemetry(profile, forMs, nowMs())
    await store.updateDevice((record) => ({ ...record, telemetry: choice }))
    await telemetry.setProfile(choice.profile, choice.until)
    return { outcome: 'done', result: defined(choice) }
  })
