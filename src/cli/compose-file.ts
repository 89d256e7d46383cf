/** A Compose file on the operator's machine, read with its variables: `--set` over `--env-file` over `.env`. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { parseEnvFile } from '../compose/env-file.ts'
import type { Model } from '../compose/model.ts'
import { type ComposeFault, type Note, readCompose } from '../compose/read.ts'
import type { Code } from '../protocol/codes.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'

/** Everything that is wrong with a Compose file, at once. */
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

export type ComposeFileInput = {
  readonly file: string
  readonly app: string
  /** `KEY=VALUE` */
  readonly set: readonly string[]
  /** instead of `.env` beside the file */
  readonly envFiles?: readonly string[] | undefined
}

/** @throws ComposeError with all faults; LongshoreError file-unreadable, usage */
export const loadCompose = async (input: ComposeFileInput): Promise<{ model: Model; notes: readonly Note[] }> => {
  const { file, app } = input
  const folder = file === '-' ? process.cwd() : dirname(resolve(file))
  const text = file === '-' ? await readAll(process.stdin) : readFile(file)
  const result = readCompose({
    file: file === '-' ? 'standard input' : file,
    text,
    app,
    variables: readVariables(folder, input),
    readFile: (path) => {
      const absolute = isAbsolute(path) ? path : join(folder, path)
      return existsSync(absolute) ? readFile(absolute) : undefined
    },
  })
  if (!result.ok) throw new ComposeError(result.faults)
  return result
}

const readVariables = (folder: string, { set, envFiles }: ComposeFileInput): Record<string, string> => {
  const usual = join(folder, '.env')
  const files = envFiles ?? (existsSync(usual) ? [usual] : [])
  let variables: Record<string, string> = {}
  for (const file of files) {
    const known = variables
    const parsed = parseEnvFile(readFile(file), (name) => known[name])
    if (!parsed.ok)
      throw new ComposeError(parsed.faults.map(({ line, ...fault }) => ({ ...fault, path: '', place: { file, line } })))
    variables = { ...variables, ...parsed.values }
  }
  for (const assignment of set) {
    const equals = assignment.indexOf('=')
    if (equals < 1) throw new LongshoreError('usage', `--set ${JSON.stringify(assignment)} is not KEY=VALUE`)
    variables[assignment.slice(0, equals)] = assignment.slice(equals + 1)
  }
  return variables
}

const readFile = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
