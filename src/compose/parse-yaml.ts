/**
 * YAML text to authored values: anchors, aliases and merges resolved, variables put in, each value with its place.
 * With yaml-nodes.ts the only reader that knows the `yaml` package.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import type { Place } from '../protocol/reason.ts'
import { type At, type Authored, type Entry, hasBadCharacter, type Path, quote } from './authored.ts'
import type { Context } from './context.ts'
import { interpolate } from './interpolate.ts'
import { anchorsBefore, isMergeKey, keyText, mergeTags, tagOf, untagged } from './yaml-nodes.ts'

const longestText = 1024 * 1024
/** What anchors may unfold to; a file of ten lines can otherwise ask for all the memory there is. */
const mostNodes = 100_000
const deepestNesting = 64

type Source = {
  readonly file: string
  readonly text: string
  /** A file that is merged with others may say nothing. */
  readonly mayBeEmpty?: boolean
}

/** undefined: there is nothing to read, and the fault says why. */
export const parseYaml = (source: Source, context: Context): Authored | undefined => {
  const lines = new LineCounter()
  const placeAt = (offset: number | undefined): Place => {
    if (offset === undefined) return { file: source.file, line: 1, column: 1 }
    const { line, col } = lines.linePos(offset)
    return { file: source.file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const start: At = { path: [], place: placeAt(undefined) }
  if (source.text.length > longestText)
    return context.fault(start, 'yaml-invalid', `the file is longer than ${longestText} characters`, 'make it shorter')

  const documents = parseDocuments(source.text, lines)
  if (typeof documents === 'string') return context.fault(start, 'yaml-invalid', documents)
  for (const document of documents) {
    // One mistake makes many of these; the first is the one to mend.
    const first = document.errors[0] ?? document.warnings[0]
    if (first !== undefined)
      return context.fault(
        { path: [], place: placeAt(first.pos[0]) },
        'yaml-invalid',
        first.message,
        first.code === 'TAG_RESOLVE_FAILED' ? 'remove the tag' : undefined,
      )
  }
  const [document, second] = documents
  if (second !== undefined) {
    const at: At = { path: [], place: placeAt(second.range[0]) }
    return context.fault(at, 'yaml-invalid', 'the file has more than one YAML document', 'keep one, without ---')
  }
  const root = document?.contents ?? null
  const isEmpty = document === undefined || root === null || (isScalar(root) && root.value === null)
  if (isEmpty && source.mayBeEmpty === true) return { ...start, kind: 'map', entries: [] }
  if (isEmpty)
    return context.fault(start, 'yaml-invalid', 'the file is empty', 'write at least one service under services:')
  if (!isMap(root) && !isAlias(root))
    return context.fault(
      { path: [], place: placeAt(root.range?.[0]) },
      'yaml-invalid',
      `the file holds ${isSeq(root) ? 'a list' : 'a text'} where a map is wanted`,
      'begin with services:',
    )
  return unfold({ document, text: source.text, placeAt, context })
}

const parseDocuments = (text: string, lineCounter: LineCounter): readonly Document.Parsed[] | string => {
  try {
    // Keys used twice are found below: the package compares every key with every other.
    const options = { lineCounter, merge: true, uniqueKeys: false, prettyErrors: false, customTags: mergeTags }
    const documents = parseAllDocuments(text, options)
    return 'empty' in documents ? [] : documents
  } catch (error) {
    return error instanceof RangeError ? 'the YAML is nested too deep' : `the YAML cannot be read: ${String(error)}`
  }
}

type Work = {
  readonly document: Document.Parsed
  readonly text: string
  readonly placeAt: (offset: number | undefined) => Place
  readonly context: Context
}

const unfold = ({ document, text, placeAt, context }: Work): Authored | undefined => {
  let nodeCount = 0
  const anchors = anchorsBefore(document)

  const visit = (node: Node | null, path: Path, fallback: Place, within: readonly Node[]): Authored => {
    const authored = visitUntagged(node, path, fallback, within)
    const tag = tagOf(node)
    return tag === undefined ? authored : { ...authored, tag }
  }

  const visitUntagged = (node: Node | null, path: Path, fallback: Place, within: readonly Node[]): Authored => {
    // A value that is not there has no place of its own: that of its key.
    const place = node?.range && node.range[0] < node.range[1] ? placeAt(node.range[0]) : fallback
    const broken: Authored = { path, place, kind: 'broken' }
    const fail = (message: string, remedy?: string): Authored => {
      context.fault({ path, place }, 'yaml-invalid', message, remedy)
      return broken
    }
    nodeCount++
    if (nodeCount > mostNodes) {
      if (nodeCount === mostNodes + 1) fail(`the file unfolds to more than ${mostNodes} values`, 'use fewer aliases')
      return broken
    }
    if (within.length > deepestNesting) return fail(`the YAML is nested more than ${deepestNesting} deep`)
    if (node === null) return { path, place, kind: 'scalar', value: null, text: '' }
    if (isAlias(node)) {
      const target = anchors(node)
      if (target === undefined) return fail(`alias *${node.source} names no anchor`)
      if (within.includes(target)) return fail(`alias *${node.source} stands inside what it names`)
      return visit(target, path, place, within)
    }
    const inside = [...within, node]
    if (isMap(node)) return { path, place, kind: 'map', entries: visitMap(node, path, place, inside) }
    if (isSeq(node))
      return {
        path,
        place,
        kind: 'list',
        items: node.items.map((item, index) => visit(item as Node | null, [...path, index], place, inside)),
      }
    return isScalar(node) ? visitScalar(node, { path, place }) : fail('this kind of YAML value is not supported')
  }

  const visitMap = (map: YAMLMap, path: Path, place: Place, inside: readonly Node[]): Entry[] => {
    const entries = new Map<string, Entry>()
    const merges: Node[] = []
    for (const { key, value } of map.items as Pair<Node | null, Node | null>[]) {
      const keyPlace = key?.range ? placeAt(key.range[0]) : place
      if (isMergeKey(key)) {
        if (value !== null) merges.push(value)
        continue
      }
      const name = keyText(key, anchors)
      const at: At = { path: name === undefined ? path : [...path, name], place: keyPlace }
      if (name === undefined) context.fault(at, 'yaml-invalid', 'a key must be a text')
      else if (name === '__proto__' || hasBadCharacter(name))
        context.fault(at, 'value-invalid', `${quote(name)} cannot be a key`, 'choose another name')
      else if (entries.has(name))
        context.fault(at, 'yaml-invalid', `the key ${quote(name)} stands here twice`, 'remove one of them')
      else {
        const authored = visit(value, at.path, keyPlace, inside)
        // A block begins at its first key or dash; what is wrong with the whole is better shown at its name.
        const isBlock = (isMap(value) || isSeq(value)) && value.flow !== true
        entries.set(name, { key: name, keyPlace, value: isBlock ? { ...authored, place: keyPlace } : authored })
      }
    }
    for (const merge of merges)
      for (const entry of mergedEntries(merge, path, place, inside))
        if (!entries.has(entry.key)) entries.set(entry.key, entry)
    return [...entries.values()]
  }

  /** `<<: *a` or `<<: [*a, *b]`: what is written wins over what is merged, an earlier one over a later one. */
  const mergedEntries = (merge: Node, path: Path, place: Place, inside: readonly Node[]): readonly Entry[] => {
    const value = visit(merge, path, place, inside)
    const maps = value.kind === 'list' ? value.items : [value]
    return maps.flatMap((item) => {
      if (item.kind === 'map')
        return value.kind === 'list' ? item.entries.map((entry) => movedTo(entry, path)) : item.entries
      if (item.kind !== 'broken')
        context.fault({ path, place: item.place }, 'yaml-invalid', '<< must be given a map or a list of maps')
      return []
    })
  }

  const visitScalar = (node: Scalar, at: At): Authored => {
    const value = tagOf(node) !== undefined && node.type === 'PLAIN' ? untagged(node) : node.value
    const written = node.source ?? String(value)
    if (value === null || typeof value === 'boolean') return { ...at, kind: 'scalar', value, text: written }
    if (typeof value === 'number') {
      if (Number.isFinite(value)) return { ...at, kind: 'scalar', value: value === 0 ? 0 : value, text: written }
      context.fault(at, 'value-invalid', `${written} is not a number that can be sent`)
      return { ...at, kind: 'broken' }
    }
    const raw = typeof value === 'string' ? value : written
    const result = interpolate(raw, context.lookup)
    if (!result.ok) {
      const begin = node.range ? text.slice(node.range[0], node.range[1]).indexOf(raw) : -1
      const faults = result.faults.map((fault) => ({
        ...fault,
        place: begin < 0 || !node.range ? at.place : placeAt(node.range[0] + begin + fault.index),
      }))
      const unset = faults.filter(({ code }) => code === 'variable-undefined')
      for (const { code, message, remedy, place } of faults.filter((fault) => !unset.includes(fault)))
        context.fault({ path: at.path, place }, code, message, remedy)
      const broken = { ...at, kind: 'broken' } as const
      return unset.length === 0
        ? broken
        : { ...broken, unset: unset.map(({ place, message, remedy }) => ({ place, message, remedy })) }
    }
    if (hasBadCharacter(result.text)) {
      context.fault(at, 'value-invalid', 'the text holds a NUL or half a character', 'remove it')
      return { ...at, kind: 'broken' }
    }
    return { ...at, kind: 'scalar', value: result.text, text: result.text }
  }

  const root = visit(document.contents, [], placeAt(undefined), [])
  return root.kind === 'broken' ? undefined : root
}

/** An entry that came through a list of merges stands, for its reader, in the map it was merged into. */
const movedTo = (entry: Entry, path: Path): Entry => ({ ...entry, value: moved(entry.value, path.length, path) })

const moved = (node: Authored, depth: number, base: Path): Authored => {
  const path = [...base, ...node.path.slice(depth + 1)]
  if (node.kind === 'map')
    return {
      ...node,
      path,
      entries: node.entries.map((entry) => ({ ...entry, value: moved(entry.value, depth, base) })),
    }
  return node.kind === 'list'
    ? { ...node, path, items: node.items.map((item) => moved(item, depth, base)) }
    : { ...node, path }
}
