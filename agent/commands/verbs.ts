/** The table of verbs: all that a device can be asked for, before its policy is. A verb is added here. */
import type { SiteKeeper } from '../site-keeper.ts'
import { type ControlInput, controlVerbs } from './control-verbs.ts'
import { type DiagnoseVerbInput, diagnoseVerb } from './diagnose-verb.ts'
import { historyVerb, type ReleaseInput, releaseVerb } from './history-verbs.ts'
import { type PlanVerbInput, planVerb } from './plan-verb.ts'
import { type PruneVerbInput, pruneVerb } from './prune-verb.ts'
import { type RebootVerbInput, rebootVerb } from './reboot-verb.ts'
import { type RefreshInput, refreshVerb } from './refresh-verb.ts'
import { type RestartVerbInput, restartVerb } from './restart-verb.ts'
import { type RunVerbInput, runVerb } from './run-verb.ts'
import { type TelemetryVerbInput, telemetryVerb } from './telemetry-verb.ts'
import type { Verb } from './verb.ts'

export type VerbsInput = PlanVerbInput &
  ReleaseInput &
  ControlInput &
  DiagnoseVerbInput &
  PruneVerbInput &
  RebootVerbInput &
  RefreshInput &
  RestartVerbInput &
  RunVerbInput &
  TelemetryVerbInput & { readonly setLabels: SiteKeeper['setLabels']; readonly logs: Verb }

export const createVerbs = (input: VerbsInput): Readonly<Record<string, Verb>> => ({
  plan: planVerb(input),
  history: historyVerb(input),
  release: releaseVerb(input),
  ...controlVerbs(input),
  'set-labels': input.setLabels,
  logs: input.logs,
  refresh: refreshVerb(input),
  diagnose: diagnoseVerb(input),
  restart: restartVerb(input),
  run: runVerb(input),
  prune: pruneVerb(input),
  reboot: rebootVerb(input),
  'set-telemetry': telemetryVerb(input),
})
