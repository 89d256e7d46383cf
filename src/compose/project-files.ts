/** The files that others name with `extends` and `include`: found, read and counted. */
import { posix } from 'node:path'
import { type At, type Authored, entryOf, quote } from './authored.ts'
import type { Context } from './context.ts'
import type { Lookup } from './interpolate.ts'
import { parseYaml } from './parse-yaml.ts'
import { rebase } from './rebase.ts'

export type ProjectFolder = {
  /** Absolute; all relative paths begin here. */
  readonly folder: string
  /** How the folder is written before a path for people; empty: not at all. */
  readonly shownFolder: string
}

export type ProjectFiles = {
  /** As seen from the project folder; two spellings of one path become one. */
  readonly pathOf: (written: string) => string
  /** How people are shown a path. */
  readonly shown: (path: string) => string
  /** undefined: it cannot be read, and the fault says so. */
  readonly text: (path: string, at: At, what: string) => string | undefined
  /** Parsed, and its paths as seen from the project folder. `folder`: where they begin; the file's own by default. */
  readonly tree: (path: string, at: At, what: string, options?: TreeOptions) => Authored | undefined
}

export type TreeOptions = { readonly folder?: string; readonly lookup?: Lookup; readonly mayBeEmpty?: boolean }

/** More than anybody keeps apart, and few enough to end where files include each other without end. */
const mostFiles = 200

export const projectFiles = ({ folder, shownFolder }: ProjectFolder, context: Context): ProjectFiles => {
  let filesRead = 0
  const pathOf = (written: string): string =>
    posix.normalize(posix.isAbsolute(written) ? posix.relative(folder, written) : written)
  const shown = (path: string): string => posix.join(shownFolder, path)
  const text: ProjectFiles['text'] = (path, at, what) => {
    filesRead++
    if (filesRead > mostFiles)
      return context.fault(at, 'value-invalid', `more than ${mostFiles} files are read`, 'include fewer files')
    if (/^(?:[A-Za-z][A-Za-z0-9+.-]*:\/|git@)/.test(path))
      return context.fault(
        at,
        'key-unsupported',
        `${what} ${quote(path)} is not on this machine`,
        'fetch it first, and name the file',
      )
    const found = context.readFile(path)
    if (found !== undefined) return found
    return context.fault(at, 'file-unreadable', `${what} ${quote(shown(path))} cannot be read`, 'check the path')
  }
  return {
    pathOf,
    shown,
    text,
    tree: (path, at, what, { folder = posix.dirname(path), lookup = context.lookup, mayBeEmpty = false } = {}) => {
      const found = text(path, at, what)
      if (found === undefined) return undefined
      const tree = parseYaml({ file: shown(path), text: found, mayBeEmpty }, { ...context, lookup })
      return tree === undefined ? undefined : rebase(tree, folder)
    },
  }
}

/** The entries of a map under a key of the file, such as its services. */
export const sectionOf = (tree: Authored, key: string) => {
  const section = entryOf(tree, key)?.value
  return section?.kind === 'map' ? section.entries : []
}

/** The same node without one key. */
export const withoutKey = (node: Authored, key: string): Authored =>
  node.kind === 'map' ? { ...node, entries: node.entries.filter((entry) => entry.key !== key) } : node

/** The same node with this value under the key, in its place or at the end. */
export const withValue = (node: Authored, key: string, value: Authored): Authored => {
  if (node.kind !== 'map') return node
  const isThere = node.entries.some((entry) => entry.key === key)
  const entries = isThere
    ? node.entries.map((entry) => (entry.key === key ? { ...entry, value } : entry))
    : [...node.entries, { key, keyPlace: value.place, value }]
  return { ...node, entries }
}
