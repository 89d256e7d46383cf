/** Which Compose files make the project, where it is, and what its variables and profiles are. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { parseEnvFile } from '../compose/env-file.ts'
import type { ComposeFile } from '../compose/load-project.ts'
import type { ComposeFault, Note } from '../compose/read.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import { ComposeError } from './compose-error.ts'
import type { ComposeOptions } from './compose-options.ts'

export type FoundProject = {
  readonly files: readonly ComposeFile[]
  readonly folder: string
  readonly shownFolder: string
  readonly variables: Readonly<Record<string, string>>
  readonly profiles: readonly string[]
  readonly notes: readonly Note[]
}

/** In Compose's order of preference. */
const usualNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

/** @throws ComposeError for a fault in an environment file; LongshoreError file-unreadable, usage */
export const findProject = async (options: ComposeOptions): Promise<FoundProject> => {
  const { file: given = [], projectDirectory } = options
  if (given.filter((name) => name === '-').length > 1)
    throw new LongshoreError('usage', 'standard input can be read only once: give -f - once')
  const shown = projectDirectory ?? folderOf(given)
  const variables = readVariables(resolve(shown), options)
  const named = given.length > 0 ? given : filesIn(variables, shown)
  const usual = named.length > 0 ? undefined : findUsual(shown)
  const names = usual?.names ?? named
  const shownFolder = projectDirectory ?? folderOf(names)
  return {
    files: await Promise.all(names.map(readSource)),
    folder: resolve(shownFolder),
    shownFolder,
    variables,
    profiles: options.profile ?? split(variables.COMPOSE_PROFILES ?? '', ','),
    notes: usual?.notes ?? [],
  }
}

const folderOf = (names: readonly string[]): string => {
  const first = names.find((name) => name !== '-')
  return first === undefined ? '.' : dirname(first)
}

const split = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** COMPOSE_FILE, as it stands in `.env`. */
const filesIn = (variables: Readonly<Record<string, string>>, folder: string): string[] =>
  split(variables.COMPOSE_FILE ?? '', variables.COMPOSE_PATH_SEPARATOR || ':').map((name) => inFolder(folder, name))

const inFolder = (folder: string, name: string): string => (name.startsWith('/') ? name : join(folder, name))

const findUsual = (folder: string): { names: string[]; notes: Note[] } => {
  const present = (candidates: readonly string[]): string[] =>
    candidates.map((name) => join(folder, name)).filter((path) => existsSync(path))
  const [file, ...others] = present(usualNames)
  if (file === undefined)
    throw new LongshoreError(
      'file-unreadable',
      `there is no Compose file in ${resolve(folder)}: looked for ${usualNames.join(', ')}; name it with -f`,
    )
  const [override, ...otherOverrides] = present(overrideNames)
  const unused = [...others, ...otherOverrides].map((path) => basename(path))
  return {
    names: override === undefined ? [file] : [file, override],
    notes: unused.length === 0 ? [] : [{ path: file, message: `is used, and not ${unused.join(', ')} beside it` }],
  }
}

const readSource = async (name: string): Promise<ComposeFile> =>
  name === '-'
    ? { file: 'standard input', text: await readAll(process.stdin) }
    : { file: name, text: readTextFile(name), path: resolve(name) }

/** `--set` over the shell, if it is asked for, over `--env-file` or `.env`. */
const readVariables = (
  folder: string,
  { set = [], envFile, envFromShell }: ComposeOptions,
): Readonly<Record<string, string>> => {
  const asked = new Map<string, string>()
  if (envFromShell === true)
    for (const [name, value] of Object.entries(process.env)) if (value !== undefined) asked.set(name, value)
  for (const assignment of set) {
    const equals = assignment.indexOf('=')
    if (equals < 1) throw new LongshoreError('usage', `--set ${JSON.stringify(assignment)} is not KEY=VALUE`)
    asked.set(assignment.slice(0, equals), assignment.slice(equals + 1))
  }
  const usual = join(folder, '.env')
  const values = new Map<string, string>()
  for (const file of envFile ?? (existsSync(usual) ? [usual] : [])) {
    const parsed = parseEnvFile(
      readTextFile(file),
      (name) => asked.get(name),
      (name) => values.get(name),
    )
    if (!parsed.ok)
      throw new ComposeError(
        parsed.faults.map(({ line, ...fault }): ComposeFault => ({ ...fault, path: '', place: { file, line } })),
      )
    for (const [name, value] of Object.entries(parsed.values)) values.set(name, value)
  }
  return Object.fromEntries([...values, ...asked])
}

/** @throws LongshoreError file-unreadable */
export const readTextFile = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
