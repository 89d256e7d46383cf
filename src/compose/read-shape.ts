/** Reads a map whose keys Compose defines: a row of readers per level, and every other key refused by name. */
import { type Authored, pathText, toJson } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { isExtension, type Level, ruleOf, type SupportedKey } from './keys.ts'
import { wrongType } from './read-values.ts'
import { refuseKey } from './refuse-key.ts'

export type Rows<L extends Level> = Readonly<Record<SupportedKey<L>, Reader<unknown>>>

export const readShape =
  <L extends Level>(level: L, rows: Rows<L>): Reader<Record<string, unknown>> =>
  (node, context) => {
    if (node.kind !== 'map') return wrongType(node, context, 'a map')
    return Object.fromEntries(
      node.entries.flatMap(({ key, keyPlace, value }) => {
        const read = readKey(level, rows, key, value, context)
        if (read === unknownKey) {
          const { code, message, remedy } = refuseKey(level, key)
          const at = { path: value.path, place: keyPlace }
          context.fault(at, code, message, remedy)
          return []
        }
        return read === undefined ? [] : [[key, read]]
      }),
    )
  }

const unknownKey = Symbol('unknown key')

const readKey = <L extends Level>(level: L, rows: Rows<L>, key: string, value: Authored, context: Context): unknown => {
  if (isExtension(level, key)) return toJson(value)
  const rule = ruleOf(level, key)
  if (rule === undefined || typeof rule === 'string') return unknownKey
  return rows[key as SupportedKey<L>](value, context)
}

/** undefined for a map that says nothing, so that `bind: {}` and no `bind` are one. */
export const orNothing =
  <T extends object>(read: Reader<T>): Reader<T> =>
  (node, context) => {
    const value = read(node, context)
    return value === undefined || Object.keys(value).length === 0 ? undefined : value
  }

/** For keys that Compose reads and that mean nothing here: a note says so. */
export const ignored =
  (why: string): Reader<never> =>
  (node, context) => {
    context.note(node, `${pathText(node)}: ${why}`)
    return undefined
  }
