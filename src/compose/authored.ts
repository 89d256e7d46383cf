/** What somebody wrote, after aliases, merges and interpolation: plain data in which each value knows where it stands. */
import { formatPath } from '../protocol/payload.ts'
import type { Place } from '../protocol/reason.ts'

export type Path = readonly (string | number)[]
export type At = { readonly path: Path; readonly place: Place }

export type Authored = At & Tagged & (AuthoredMap | AuthoredList | AuthoredScalar | Broken)
/** How a value meets the one it overrides: `!reset` takes it away, `!override` takes its place. Gone before reading. */
export type Tagged = { readonly tag?: MergeTag }
export type MergeTag = 'reset' | 'override'
/**
 * A value that nobody can read; readers pass over it. Its fault is reported already, or, for a variable without a
 * value, is reported if the value is still there when all files are one: another file may have overridden it.
 */
export type Broken = { readonly kind: 'broken'; readonly unset?: readonly UnsetVariable[] }
export type UnsetVariable = { readonly place: Place; readonly message: string; readonly remedy: string | undefined }
export type AuthoredMap = { readonly kind: 'map'; readonly entries: readonly Entry[] }
export type AuthoredList = { readonly kind: 'list'; readonly items: readonly Authored[] }
export type AuthoredScalar = {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /** As written, so that `1.0` stays `1.0` where text is wanted. */
  readonly text: string
}
export type Entry = { readonly key: string; readonly keyPlace: Place; readonly value: Authored }

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export const pathText = (at: { readonly path: Path }): string => formatPath(at.path)

export const isNull = (node: Authored): boolean => node.kind === 'scalar' && node.value === null

export const entryOf = (node: Authored, key: string): Entry | undefined =>
  node.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined

/** For messages: what stands there, in the words of YAML. */
export const describe = (node: Authored): string => {
  if (node.kind === 'map') return 'a map'
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'broken') return 'a value at fault'
  if (node.value === null) return 'nothing'
  return typeof node.value === 'string' ? quote(node.value) : `the ${typeof node.value} ${node.text}`
}

export const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text)

/** No engine takes a NUL, and no canonical JSON half of a surrogate pair. */
export const hasBadCharacter = (text: string): boolean => /\0|\p{Surrogate}/u.test(text)

/** The value as JSON, for keys that are carried and not read. */
export const toJson = (node: Authored): Json => {
  switch (node.kind) {
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, toJson(value)]))
    case 'list':
      return node.items.map(toJson)
    case 'scalar':
      return node.value
    case 'broken':
      return null
  }
}

/** The deepest authored value on a path, for a fault that was found in the model. Points at the key of a collection. */
export const locate = (root: Authored, path: Path): At => {
  let node = root
  let place = root.place
  for (const step of path) {
    const entry = typeof step === 'string' ? entryOf(node, step) : undefined
    const next = entry?.value ?? itemOf(node, step)
    if (next === undefined) break
    node = next
    const isPlain = next.kind === 'scalar' && next.value !== null
    place = isPlain || entry === undefined ? next.place : entry.keyPlace
  }
  return { path, place }
}

/** By its index; and by what it says, for lists that the model holds as maps. */
const itemOf = (node: Authored, step: string | number): Authored | undefined => {
  if (node.kind !== 'list') return undefined
  return typeof step === 'number'
    ? node.items[step]
    : node.items.find((item) => item.kind === 'scalar' && item.text === step)
}
