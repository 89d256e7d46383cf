/** Readers of single values and of plain lists and maps: what the readers of keys are made of. */
import { type Authored, describe, type Entry, isNull, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { formatDuration, parseDurationMs, parseSizeBytes } from './units.ts'

/** The one way to say that something is of the wrong type. */
export const wrongType = (node: Authored, context: Context, wanted: string, remedy?: string): undefined => {
  if (node.kind === 'broken') return undefined
  const hint = remedy ?? (isNull(node) ? `write ${wanted}, or remove the key` : `write ${wanted}`)
  return context.fault(node, 'value-invalid', `${lastStep(node)} must be ${wanted}, not ${describe(node)}`, hint)
}

const lastStep = (node: Authored): string => {
  const last = node.path.at(-1)
  return typeof last === 'number' ? `item ${last + 1}` : (last ?? 'the file')
}

export const readText: Reader<string> = (node, context) => {
  if (node.kind === 'scalar' && typeof node.value === 'string') return node.value
  const isQuotable = node.kind === 'scalar' && node.value !== null
  return wrongType(node, context, 'a text', isQuotable ? `put it in quotes: "${node.text}"` : undefined)
}

export const readFilledText: Reader<string> = (node, context) => {
  const text = readText(node, context)
  return text === '' ? wrongType(node, context, 'a text that is not empty') : text
}

/** Text, and numbers and booleans as they were written. */
export const readAsWritten: Reader<string> = (node, context) => {
  if (node.kind === 'scalar' && node.value !== null) return node.text
  return wrongType(node, context, 'a text, a number or a boolean')
}

export const readBoolean: Reader<boolean> = (node, context) => {
  if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value
  const text = node.kind === 'scalar' ? node.text.toLowerCase() : undefined
  if (text === 'true' || text === 'yes' || text === 'y' || text === 'on') return true
  if (text === 'false' || text === 'no' || text === 'n' || text === 'off') return false
  return wrongType(node, context, 'true or false')
}

/** For switches whose absence means false, so that both spellings are one. */
export const readSwitch: Reader<true> = (node, context) => readBoolean(node, context) || undefined

export const readInteger =
  (least: number, most = Number.MAX_SAFE_INTEGER): Reader<number> =>
  (node, context) => {
    const value = numberOf(node)
    if (value !== undefined && Number.isSafeInteger(value) && value >= least && value <= most) return value
    const limit = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `between ${least} and ${most}`
    return wrongType(node, context, `a whole number ${limit}`)
  }

/** Parts of a CPU; 0 means no limit, as if the key were not there. */
export const readCpus: Reader<number> = (node, context) => {
  const value = numberOf(node)
  if (value === undefined || value < 0) return wrongType(node, context, 'a number of CPUs such as 0.5')
  return value === 0 ? undefined : value
}

const numberOf = (node: Authored): number | undefined => {
  if (node.kind !== 'scalar') return undefined
  if (typeof node.value === 'number') return node.value
  if (typeof node.value !== 'string' || !/^[+-]?\d+(\.\d+)?$/.test(node.value)) return undefined
  const value = Number(node.value)
  return Number.isFinite(value) ? (value === 0 ? 0 : value) : undefined
}

export const readSize: Reader<number> = (node, context) => {
  const bytes = node.kind === 'scalar' ? parseSizeBytes(String(node.value)) : undefined
  return bytes ?? wrongType(node, context, 'a size such as 64m')
}

/** A size for which 0 means no limit. */
export const readSizeLimit: Reader<number> = (node, context) => readSize(node, context) || undefined

export const readDuration: Reader<string> = (node, context) => {
  const ms = node.kind === 'scalar' ? parseDurationMs(node.text) : undefined
  return ms === undefined ? wrongType(node, context, 'a duration such as 1m30s') : formatDuration(ms)
}

export const readOneOf =
  <Word extends string>(...words: readonly Word[]): Reader<Word> =>
  (node, context) => {
    const text = node.kind === 'scalar' ? node.text : undefined
    return (
      words.find((word) => word === text) ?? wrongType(node, context, words.join(', ').replace(/, ([^,]*)$/, ' or $1'))
    )
  }

export const readList =
  <T>(readItem: Reader<T>): Reader<T[]> =>
  (node, context) => {
    if (node.kind !== 'list') return wrongType(node, context, 'a list')
    return node.items.map((item) => readItem(item, context)).filter((item) => item !== undefined)
  }

export const readTexts: Reader<string[]> = readList(readText)

/** A list whose order means nothing: sorted, each once. Empty is as if it were not there. */
export const readSet =
  (readItem: Reader<string>): Reader<string[]> =>
  (node, context) => {
    const items = readList(readItem)(node, context)
    return items === undefined || items.length === 0 ? undefined : [...new Set(items)].sort()
  }

/** The same for a key that takes one text as well as a list of them. */
export const readOneOrMore =
  (readItem: Reader<string>): Reader<string[]> =>
  (node, context) => {
    if (node.kind === 'list') return readSet(readItem)(node, context)
    const item = readItem(node, context)
    return item === undefined ? undefined : [item]
  }

/** What stands under each key of a map; keys are the writer's own. */
export const readEntries = <T>(
  node: Authored,
  context: Context,
  readValue: (value: Authored, context: Context, entry: Entry) => T | undefined,
): Record<string, T> | undefined => {
  if (node.kind !== 'map') return wrongType(node, context, 'a map')
  return Object.fromEntries(
    node.entries.flatMap((entry) => {
      const value = readValue(entry.value, context, entry)
      return value === undefined ? [] : [[entry.key, value]]
    }),
  )
}

/** `{A: b}` or `[A=b]`; in a list, the last one of a name counts. null: a name without a value. */
export const readPairs: Reader<Map<string, string | null>> = (node, context) => {
  const pairs = new Map<string, string | null>()
  if (node.kind === 'map') {
    for (const { key, keyPlace, value } of node.entries) {
      if (key === '')
        context.fault({ path: value.path, place: keyPlace }, 'value-invalid', 'a name is empty', 'write a name')
      else if (isNull(value)) pairs.set(key, null)
      else setIfDefined(pairs, key, readAsWritten(value, context))
    }
    return pairs
  }
  if (node.kind !== 'list') return wrongType(node, context, 'a map or a list of NAME=value')
  for (const item of node.items) {
    const text = readText(item, context)
    if (text === undefined) continue
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? []
    if (name === '' || name === '__proto__')
      context.fault(item, 'value-invalid', `${quote(text)} is not NAME=value`, 'write NAME=value')
    else pairs.set(name, value ?? null)
  }
  return pairs
}

const setIfDefined = (pairs: Map<string, string | null>, key: string, value: string | undefined): void => {
  if (value !== undefined) pairs.set(key, value)
}

/** Labels: a name without a value has the empty one. */
export const readLabels: Reader<Record<string, string>> = (node, context) => {
  const pairs = readPairs(node, context)
  if (pairs === undefined || pairs.size === 0) return undefined
  return Object.fromEntries([...pairs].map(([key, value]) => [key, value ?? '']))
}
