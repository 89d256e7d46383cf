/** Everything that is wrong with the files beside a Compose file, at once. */
import type { Code } from '../protocol/codes.ts'
import { LongshoreError } from '../protocol/reason.ts'

export type FileFault = {
  readonly code: Code
  /** the file, printable, relative to the project folder */
  readonly path: string
  /** where the Compose file names it or the folder around it */
  readonly at: string
  /** names the file too */
  readonly message: string
  readonly remedy?: string
}

/** One fault a place is enough for a terminal. */
const mostShown = 20

/** `code` is that of the first fault, `message` lists them. */
export class FilesError extends LongshoreError {
  readonly faults: readonly FileFault[]

  constructor(faults: readonly FileFault[]) {
    const [first] = faults
    const shown = faults.slice(0, mostShown).map(({ at, message }) => (at === '' ? message : `${at}: ${message}`))
    const more = faults.length > mostShown ? [`and ${faults.length - mostShown} more`] : []
    super(
      first?.code ?? 'file-unsuitable',
      [...shown, ...more].join('\n'),
      first === undefined ? {} : { path: first.at },
    )
    this.name = 'FilesError'
    this.faults = faults
  }
}
