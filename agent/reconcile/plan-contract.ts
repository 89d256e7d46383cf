/** What goes into the planner and what comes out of it: plain data, so that tests are tables and plans print as text. */
import type { Reason, WireReason } from '../../src/protocol/reason.ts'
import type { Outcome, Phase } from '../../src/protocol/reported.ts'
import type { ObservedFiles } from '../files/project-files.ts'
import type { AppRecord, FileDecision } from '../store/app-record.ts'
import type { Owner } from '../translate/engine-names.ts'
import type { ProjectPaths } from '../translate/project-mounts.ts'
import type { Memory } from './memory.ts'
import type { Observed } from './observed.ts'
import type { Operation } from './operation.ts'

/** What the puller, outside the loop, is doing about a reference. `retryAt` in the plan's clock. */
export type PullState =
  | { readonly state: 'pulling' }
  | { readonly state: 'done'; readonly imageId: string }
  | { readonly state: 'failed'; readonly reason: Reason; readonly retryAt: number }

export type PlanInput = {
  readonly owner: Owner
  readonly record: AppRecord
  readonly observed: Observed
  /** ids of local images by reference or id, null for what is not here; only what `imagesToLookUp` asked for */
  readonly images: Readonly<Record<string, string | null>>
  /** local images that are of another platform than is wanted, by reference: as good as not here */
  readonly misfits?: Readonly<Record<string, Reason>>
  readonly pulls: Readonly<Record<string, PullState>>
  /** of the data folder, what `dataPathsToLookAt` asked for */
  readonly files: ObservedFiles
  readonly paths: ProjectPaths
  /** by name; a secret that is not here has no value on the device */
  readonly secretVersions: Readonly<Record<string, string>>
  readonly memory: Memory
  /** ms of a clock that never jumps; compared with times in memory and pulls only */
  readonly now: number
}

export type Plan = {
  readonly phase: Phase
  readonly reason?: WireReason
  readonly operations: readonly Operation[]
  readonly waits: readonly Reason[]
  /** when time alone could change the answer */
  readonly wakeAt?: number
  /** references that the puller should be getting */
  readonly pulls: readonly string[]
  /** image ids resolved in this turn: to be stored before anything is done with them */
  readonly images?: Readonly<Record<string, string>>
  /** what is done about writable files, decided in this turn: to be stored before anything is done about them */
  readonly files?: Readonly<Record<string, FileDecision>>
  /** what the deployment came to: to be stored, once */
  readonly verdict?: { readonly outcome: Outcome; readonly reason?: Reason }
  readonly memory: Memory
}
