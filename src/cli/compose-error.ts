import type { ComposeFault } from '../compose/read.ts'
import type { Code } from '../protocol/codes.ts'

/** Everything that is wrong with a project of Compose files, at once. */
export class ComposeError extends Error {
  readonly faults: readonly ComposeFault[]
  readonly code: Code

  constructor(faults: readonly ComposeFault[]) {
    super(faults[0]?.message ?? 'the Compose file is not valid')
    this.name = 'ComposeError'
    this.faults = faults
    this.code = faults[0]?.code ?? 'value-invalid'
  }
}
