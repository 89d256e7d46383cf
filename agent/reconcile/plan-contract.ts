/** What goes into the planner and what comes out of it: plain data, so that tests are tables and plans print as text. */
import type { Reason, WireReason } from '../../src/protocol/reason.ts'
import type { Phase } from '../../src/protocol/reported.ts'
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

/** Why nothing that runs may be touched now, and when that could change without anything else happening. */
export type Gate = { readonly reason: Reason; readonly wakeAt?: number }

export type PlanInput = {
  readonly owner: Owner
  /** the target, where a deployment is rolled back (target.ts) */
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
  /** what the policy of the device has by now against the release: nothing of it is made anew */
  readonly forbidden?: Reason | undefined
  /** holds, windows and locks that are in force; what is under way already is not held up by them */
  readonly gates: readonly Gate[]
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
  /** jobs that were seen to have ended well: to be stored, for their containers may go */
  readonly completedJobs?: readonly { readonly service: string; readonly digest: string }[]
  /** from this turn on what runs is touched: to be stored before it is */
  readonly begins?: { readonly faulty: readonly string[] }
  /** it failed, and the last good release is to be put back: to be stored in place of a verdict */
  readonly rollback?: { readonly reason: Reason }
  /** what the deployment, or its rollback, came to: to be stored, once */
  readonly verdict?: {
    readonly outcome: 'succeeded' | 'failed'
    readonly reason?: Reason
    readonly isPaused?: boolean
  }
  /** the container that a failure is about: its last lines are kept with it */
  readonly failedContainerId?: string
  readonly memory: Memory
}
