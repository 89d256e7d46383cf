/** What the parts of the planner that deal with containers are given. */
import type { ObservedFiles } from '../files/project-files.ts'
import type { Accepted, AcceptedAssignment, AppRecord, FileDecision } from '../store/app-record.ts'
import type { Owner } from '../translate/engine-names.ts'
import type { ProjectPaths, Release } from '../translate/project-mounts.ts'
import type { Memory } from './memory.ts'
import type { Observed } from './observed.ts'
import type { Views } from './service-view.ts'

export type ServicesInput = {
  readonly owner: Owner
  readonly app: string
  readonly deployment: AcceptedAssignment
  readonly views: Views
  readonly observed: Observed
  readonly record: AppRecord
  readonly accepted: Accepted
  /** what is done about writable files */
  readonly decisions: Readonly<Record<string, FileDecision>>
  readonly files: ObservedFiles
  readonly release: Release
  readonly paths: ProjectPaths
  /** of what these mount something is not there, or not safe to bind */
  readonly unready: ReadonlySet<string>
  readonly memory: Memory
  readonly now: number
}
