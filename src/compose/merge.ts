/**
 * One authored value over another, as the Compose specification merges files: the later one wins, and every part
 * keeps the place it came from. Pure. Associative for maps: what `!reset` and `!override` say is kept until the end.
 */
import { type Authored, describe, type Entry, entryOf, isNull, type Path } from './authored.ts'
import type { Context } from './context.ts'
import { asItems, hostsAsItems, type MapNode, namesAsMap, pairsAsMap } from './merge-forms.ts'
import { type KeyOf, type MergeRule, mergeRuleAt } from './merge-rules.ts'

/** `path` is where both stand: a service that extends another is at `services.NAME`. */
export const mergeAuthored = (base: Authored, over: Authored, context: Context, path: Path = []): Authored => {
  if (over.tag !== undefined) return over
  const { tag, ...plain } = base
  if (tag === 'reset') return { ...over, tag: 'override' }
  const merged = mergePlain(plain, over, context, path)
  return tag === undefined ? merged : { ...merged, tag }
}

const mergePlain = (base: Authored, over: Authored, context: Context, path: Path): Authored => {
  const rule = mergeRuleAt(path)
  if (rule?.kind === 'replace') return over
  // A variable without a value is overridden; of what has a fault already no more is said.
  if (base.kind === 'broken') return base.unset === undefined ? base : over
  if (over.kind === 'broken') return over
  if (isNull(over)) return base
  if (isNull(base)) return over
  const merged = rule === undefined ? mergeUsual(base, over, context, path) : mergeBy(rule, base, over, context, path)
  return merged ?? cannotMerge(base, over, context, path)
}

/** undefined: the two have nothing in common. */
const mergeUsual = (base: Authored, over: Authored, context: Context, path: Path): Authored | undefined => {
  if (base.kind === 'scalar') return over
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, context, path)
  if (base.kind === 'list' && over.kind === 'list') return { ...base, items: [...base.items, ...over.items] }
  return undefined
}

const mergeBy = (
  rule: Exclude<MergeRule, { kind: 'replace' }>,
  base: Authored,
  over: Authored,
  context: Context,
  path: Path,
): Authored | undefined => {
  switch (rule.kind) {
    case 'pairs': {
      const maps = both(base, over, (node) => pairsAsMap(node, context))
      return maps && withEntries(maps[0], maps[1], (_, { value }) => value)
    }
    case 'names': {
      const maps = both(base, over, (node) => namesAsMap(node, context, rule.bare))
      return maps && mergeMaps(maps[0], maps[1], context, path)
    }
    case 'list': {
      const lists = both(base, over, asItems)
      return lists && asList(base, mergeItems(lists[0], lists[1], rule.keyOf))
    }
    case 'hosts': {
      const lists = both(base, over, hostsAsItems)
      return lists && asList(base, mergeItems(lists[0], lists[1], byHostAndAddress))
    }
    case 'logging': {
      const [before, after] = [base, over].map((node) => textUnder(node, 'driver'))
      const isOther = before !== undefined && after !== undefined && before !== after
      return isOther ? over : mergeUsual(base, over, context, path)
    }
    case 'pools': {
      if (base.kind !== 'list' || over.kind !== 'list') return undefined
      const pools = base.items
      return asList(
        base,
        over.items.map((pool) => {
          const earlier = pools.find((other) => textUnder(other, 'subnet') === textUnder(pool, 'subnet'))
          return earlier === undefined ? pool : mergeAuthored(earlier, pool, context, [...path, 0])
        }),
      )
    }
  }
}

const both = <T>(base: Authored, over: Authored, convert: (node: Authored) => T | undefined): [T, T] | undefined => {
  const before = convert(base)
  const after = convert(over)
  return before === undefined || after === undefined ? undefined : [before, after]
}

const textUnder = (node: Authored, key: string): string | undefined => {
  const value = entryOf(node, key)?.value
  return value?.kind === 'scalar' && value.value !== null ? value.text : undefined
}

const byHostAndAddress: KeyOf = (item) => (item.kind === 'scalar' ? item.text.replace(/[:=]/, '=') : undefined)

const asList = ({ path, place }: Authored, items: readonly Authored[]): Authored => ({
  path,
  place,
  kind: 'list',
  items,
})

const mergeMaps = (base: MapNode, over: MapNode, context: Context, path: Path): Authored =>
  withEntries(base, over, (before, after) => mergeAuthored(before.value, after.value, context, [...path, after.key]))

/** Keys keep the order in which they were first written. */
const withEntries = (base: MapNode, over: MapNode, merge: (before: Entry, after: Entry) => Authored): Authored => {
  const entries = new Map(base.entries.map((entry) => [entry.key, entry]))
  for (const after of over.entries) {
    const before = entries.get(after.key)
    if (before === undefined) entries.set(after.key, after)
    else {
      const value = merge(before, after)
      // What is still in part the earlier one is shown where it was named first.
      const keyPlace = value.place === before.value.place ? before.keyPlace : after.keyPlace
      entries.set(after.key, { key: after.key, keyPlace, value })
    }
  }
  const { path, place } = base
  return { path, place, kind: 'map', entries: [...entries.values()] }
}

/** In its first place stands the last one of a key. What one file says twice is left for the reader to judge. */
const mergeItems = (base: readonly Authored[], over: readonly Authored[], keyOf: KeyOf): Authored[] => {
  const laterOnes = new Map<string, Authored[]>()
  const isNew = new Set(base.map(keyOf))
  for (const item of over) {
    const key = keyOf(item)
    if (key !== undefined && isNew.has(key)) laterOnes.set(key, [...(laterOnes.get(key) ?? []), item])
  }
  const used = new Set<string>()
  const kept = base.flatMap((item) => {
    const key = keyOf(item)
    const later = key === undefined ? undefined : laterOnes.get(key)
    if (key === undefined || later === undefined) return [item]
    if (used.has(key)) return []
    used.add(key)
    return later
  })
  const isPlaced = (item: Authored): boolean => {
    const key = keyOf(item)
    return key !== undefined && laterOnes.has(key)
  }
  return [...kept, ...over.filter((item) => !isPlaced(item))]
}

const cannotMerge = (base: Authored, over: Authored, context: Context, path: Path): Authored => {
  const { file, line } = base.place
  const name = path.at(-1) ?? 'the file'
  context.fault(
    { path, place: over.place },
    'value-invalid',
    `${name} is ${describe(over)} here and ${describe(base)} in ${file}:${line}, and the two cannot be merged`,
    'write both in the same form, or put !override before this one',
  )
  return { path, place: over.place, kind: 'broken' }
}
