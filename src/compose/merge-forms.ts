/** One key in two forms, a list in one file and a map in another, brought into the form in which both can be merged. */
import { type Authored, type AuthoredMap, type Entry, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { mapInList, wrongType } from './read-values.ts'
import { reportUnset } from './settle.ts'

export type MapNode = Authored & AuthoredMap

/** `[A=b, C]` as `{A: b, C: null}`; the last one of a name counts. undefined: neither a list nor a map. */
export const pairsAsMap = (node: Authored, context: Context): MapNode | undefined =>
  asMap(node, context, (item, text) => {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    if (name === '' || name === '__proto__')
      return context.fault(item, 'value-invalid', `${quote(text)} is not NAME=value`, 'write NAME=value')
    return entry(item, name, value === undefined ? nothing(item) : written(item, value))
  })

/** `[a, b]` as `{a: …, b: …}`. */
export const namesAsMap = (node: Authored, context: Context, bare: 'nothing' | 'started'): MapNode | undefined =>
  asMap(node, context, (item, name) => {
    if (name === '__proto__')
      return context.fault(item, 'value-invalid', `${quote(name)} cannot be a name`, 'choose another name')
    return entry(item, name, bare === 'nothing' ? nothing(item) : started(item))
  })

/** A text as a list of one. undefined: neither a text nor a list. */
export const asItems = (node: Authored): readonly Authored[] | undefined => {
  if (node.kind === 'list') return node.items
  return node.kind === 'scalar' ? [node] : undefined
}

/** `{host: ip}` and `{host: [ip, ip]}` as `[host=ip, …]`. */
export const hostsAsItems = (node: Authored): readonly Authored[] | undefined => {
  if (node.kind !== 'map') return asItems(node)
  return node.entries.flatMap(({ key, value }) =>
    (asItems(value) ?? [value]).map((address) =>
      address.kind === 'scalar' && address.value !== null ? written(address, `${key}=${address.text}`) : address,
    ),
  )
}

const asMap = (
  node: Authored,
  context: Context,
  toEntry: (item: Authored, text: string) => Entry | undefined,
): MapNode | undefined => {
  if (node.kind === 'map') return node
  if (node.kind !== 'list') return undefined
  const entries = new Map<string, Entry>()
  for (const item of node.items) {
    if (item.tag === 'reset') continue
    reportUnset(item, context)
    const text = item.kind === 'scalar' && item.value !== null ? item.text : notText(item, context)
    const made = text === undefined ? undefined : toEntry(item, text)
    if (made !== undefined) entries.set(made.key, made)
  }
  return { path: node.path, place: node.place, kind: 'map', entries: [...entries.values()] }
}

const notText: Reader<never> = (item, context) =>
  item.kind === 'map' ? mapInList(item, context) : wrongType(item, context, 'a text')

const entry = (item: Authored, key: string, value: Authored): Entry => ({ key, keyPlace: item.place, value })

const written = ({ path, place }: Authored, text: string): Authored => ({
  path,
  place,
  kind: 'scalar',
  value: text,
  text,
})

const nothing = ({ path, place }: Authored): Authored => ({ path, place, kind: 'scalar', value: null, text: '' })

/** What Compose takes a bare name under depends_on for. */
const started = (item: Authored): Authored => ({
  path: item.path,
  place: item.place,
  kind: 'map',
  entries: [
    entry(item, 'condition', written(item, 'service_started')),
    entry(item, 'required', { path: item.path, place: item.place, kind: 'scalar', value: true, text: 'true' }),
  ],
})
