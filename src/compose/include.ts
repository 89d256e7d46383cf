/**
 * `include`: other Compose files, each read as a project of its own, with its own folder and `.env`, whose services,
 * networks and so on become part of the file. A name that is defined in two ways is refused.
 */
import { posix } from 'node:path'
import { type At, type Authored, type Entry, entryOf, isNull, quote } from './authored.ts'
import type { Context } from './context.ts'
import { parseEnvFile } from './env-file.ts'
import type { Lookup } from './interpolate.ts'
import { type ProjectFiles, withoutKey, withValue } from './project-files.ts'
import { wrongType } from './read-values.ts'
import { reportUnset } from './settle.ts'

/** How a project of its own becomes one tree; `trail` are the files that are being included. */
export type LoadIncluded = (input: {
  readonly paths: readonly { readonly path: string; readonly at: At }[]
  readonly folder: string
  readonly lookup: Lookup
  readonly trail: readonly string[]
}) => Authored | undefined

type Wanted = {
  readonly paths: readonly Authored[]
  readonly folder: string | undefined
  readonly envFiles: readonly Authored[]
  readonly at: At
}

const resources = ['services', 'networks', 'volumes', 'configs', 'secrets', 'models']

export const withIncludes = (
  tree: Authored,
  work: {
    readonly files: ProjectFiles
    readonly context: Context
    readonly trail: readonly string[]
    readonly load: LoadIncluded
  },
): Authored => {
  const include = entryOf(tree, 'include')?.value
  if (include === undefined) return tree
  let whole = withoutKey(tree, 'include')
  for (const wanted of readIncludes(include, work.context)) {
    const included = loadOne(wanted, work)
    if (included !== undefined) whole = imported(whole, included, work.context)
  }
  return whole
}

const readIncludes = (node: Authored, context: Context): Wanted[] => {
  if (isNull(node) || node.tag === 'reset') return []
  if (node.kind !== 'list') return wrongType(node, context, 'a list of files') ?? []
  return node.items.flatMap((item): Wanted[] => {
    if (item.kind !== 'map') {
      const paths = readPaths(item, context)
      return paths.length === 0 ? [] : [{ paths, folder: undefined, envFiles: [], at: item }]
    }
    const under = (key: string) => entryOf(item, key)?.value
    for (const { key, keyPlace, value } of item.entries)
      if (!['path', 'project_directory', 'env_file'].includes(key))
        context.fault(
          { path: value.path, place: keyPlace },
          'key-unknown',
          `include has no key ${quote(key)}`,
          'write path:, project_directory: and env_file:',
        )
    const path = under('path')
    const paths = path === undefined ? [] : readPaths(path, context)
    if (path === undefined)
      context.fault(item, 'value-invalid', 'an include names no file', 'write path: the file to include')
    const folder = under('project_directory')
    const envFile = under('env_file')
    if (paths.length === 0) return []
    return [
      {
        paths,
        folder: folder === undefined ? undefined : textOf(readPaths(folder, context)[0]),
        envFiles: envFile === undefined || isNull(envFile) ? [] : readPaths(envFile, context),
        at: item,
      },
    ]
  })
}

const textOf = (node: Authored | undefined): string | undefined => (node?.kind === 'scalar' ? node.text : undefined)

/** One path or a list of them. */
const readPaths = (node: Authored, context: Context): Authored[] =>
  (node.kind === 'list' ? node.items : [node]).filter((item) => {
    reportUnset(item, context)
    if (item.kind === 'scalar' && typeof item.value === 'string' && item.value !== '') return true
    wrongType(item, context, 'the path of a file')
    return false
  })

const loadOne = (
  { paths, folder, envFiles, at }: Wanted,
  { files, context, trail, load }: Parameters<typeof withIncludes>[1],
): Authored | undefined => {
  const found = paths.map((node) => ({ path: files.pathOf(textOf(node) ?? ''), at: node }))
  const first = found[0]
  if (first === undefined) return undefined
  if (trail.includes(first.path)) {
    const circle = [...trail.slice(trail.indexOf(first.path)), first.path].map(files.shown)
    return context.fault(first.at, 'reference-circle', `files include each other in a circle: ${circle.join(' → ')}`)
  }
  const base = folder === undefined ? posix.dirname(first.path) : files.pathOf(folder)
  const values = readEnvFiles(base, envFiles, at, files, context)
  const own: Lookup = (name) => (Object.hasOwn(values, name) ? values[name] : undefined)
  // The project that includes has the last word, so that it can set what the other one leaves open.
  const lookup: Lookup = (name) => context.lookup(name) ?? own(name)
  const tree = load({ paths: found, folder: base, lookup, trail: [...trail, first.path] })
  return tree === undefined ? undefined : withOwnVariables(tree, lookup)
}

const readEnvFiles = (
  folder: string,
  named: readonly Authored[],
  at: At,
  files: ProjectFiles,
  context: Context,
): Record<string, string> => {
  const usual = posix.join(folder, '.env')
  const paths: { path: string; at: At }[] =
    named.length > 0
      ? named.map((node) => ({ path: files.pathOf(textOf(node) ?? ''), at: node }))
      : context.readFile(usual) !== undefined
        ? [{ path: usual, at }]
        : []
  let values: Record<string, string> = {}
  for (const { path, at: place } of paths) {
    // Compose's way to say: no .env at all.
    if (/(^|\/)dev\/null$/.test(path)) continue
    const text = files.text(path, place, 'the environment file')
    if (text === undefined) continue
    const earlier = values
    const parsed = parseEnvFile(text, context.lookup, (name) => earlier[name])
    if (parsed.ok) values = { ...values, ...parsed.values }
    else
      for (const { code, message, line, remedy } of parsed.faults)
        context.fault({ path: place.path, place: { file: files.shown(path), line, column: 1 } }, code, message, remedy)
  }
  return values
}

/** A name alone under `environment` takes its value where it was written: outside, the variable is not known. */
const withOwnVariables = (tree: Authored, lookup: Lookup): Authored => {
  const services = entryOf(tree, 'services')?.value
  if (services?.kind !== 'map') return tree
  const entries = services.entries.map((entry) => {
    const environment = entryOf(entry.value, 'environment')?.value
    if (environment === undefined) return entry
    return { ...entry, value: withValue(entry.value, 'environment', withValues(environment, lookup)) }
  })
  return withValue(tree, 'services', { ...services, entries })
}

const withValues = (environment: Authored, lookup: Lookup): Authored => {
  const valued = (node: Authored, text: string): Authored => ({
    path: node.path,
    place: node.place,
    kind: 'scalar',
    value: text,
    text,
  })
  if (environment.kind === 'list')
    return {
      ...environment,
      items: environment.items.map((item) => {
        const value = item.kind === 'scalar' && !item.text.includes('=') ? lookup(item.text) : undefined
        return value === undefined ? item : valued(item, `${textOf(item)}=${value}`)
      }),
    }
  if (environment.kind !== 'map') return environment
  return {
    ...environment,
    entries: environment.entries.map((entry) => {
      const value = isNull(entry.value) && entry.value.tag === undefined ? lookup(entry.key) : undefined
      return value === undefined ? entry : { ...entry, value: valued(entry.value, value) }
    }),
  }
}

/** What is included becomes part of the file; its name and version do not count, and what is unknown is refused later. */
const imported = (tree: Authored, included: Authored, context: Context): Authored => {
  let whole = tree
  for (const entry of included.kind === 'map' ? included.entries : []) {
    if (entry.key === 'x-longshore')
      context.note({ path: [entry.key], place: entry.keyPlace }, 'x-longshore of an included file does not count')
    if (['name', 'version'].includes(entry.key) || entry.key.startsWith('x-')) continue
    if (!resources.includes(entry.key)) {
      if (entryOf(whole, entry.key) === undefined) whole = withValue(whole, entry.key, entry.value)
      continue
    }
    if (isNull(entry.value)) continue
    const section = entryOf(whole, entry.key)?.value
    if (section === undefined || isNull(section)) whole = withValue(whole, entry.key, entry.value)
    else if (section.kind === 'map' && entry.value.kind === 'map') {
      const present = new Map(section.entries.map((other) => [other.key, other]))
      const added = entry.value.entries.filter((other) => isAbsent(other, entry.key, present, context))
      whole = withValue(whole, entry.key, { ...section, entries: [...section.entries, ...added] })
    }
  }
  return whole
}

const isAbsent = (entry: Entry, key: string, present: ReadonlyMap<string, Entry>, context: Context): boolean => {
  const here = present.get(entry.key)
  if (here === undefined) return true
  // What is said with !reset or !override is meant.
  if (here.value.tag !== undefined) return false
  if (sameMeaning(here.value) === sameMeaning(entry.value)) return false
  const { file, line } = entry.keyPlace
  context.fault(
    { path: [key, entry.key], place: here.keyPlace },
    'include-conflict',
    `${key}.${entry.key} is defined here and, in another way, in ${file}:${line}, which is included`,
  )
  return false
}

/** Two files that include a third one have the same from it, and that is no conflict. */
const sameMeaning = (node: Authored): string => {
  const plain = (value: Authored): unknown => {
    if (value.kind === 'map')
      return [...value.entries].sort((a, b) => (a.key < b.key ? -1 : 1)).map((entry) => [entry.key, plain(entry.value)])
    if (value.kind === 'list') return value.items.map(plain)
    return value.kind === 'scalar' ? [value.value] : value.unset?.map(({ message }) => message)
  }
  return JSON.stringify(plain(isNull(node) ? { ...node, kind: 'map', entries: [] } : node))
}
