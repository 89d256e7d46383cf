/** `x-longshore` at top level: what Compose lacks. */
import { quote } from './authored.ts'
import type { Reader } from './context.ts'
import { leastLockExpiryMs, mostLockExpiryMs } from './lock.ts'
import type { Model } from './model.ts'
import { toProjectPath } from './project-path.ts'
import { orNothing, readShape } from './read-shape.ts'
import { readDuration, readEntries, readFilledText, readInteger, readOneOf, wrongType } from './read-values.ts'
import { formatDuration, parseDurationMs } from './units.ts'
import { mostWindows, parseWindow } from './window.ts'

/** `x-longshore.files`: whose version of a writable file counts. */
const readFileRules: Reader<Record<string, 'release' | 'data'>> = (node, context) => {
  const rules = readEntries(node, context, (value, _, { key }) => {
    const path = toProjectPath(key)
    const rule = readOneOf('release', 'data')(value, context)
    if (path === undefined) context.fault(value, 'file-outside', `${quote(key)} is not inside the project folder`)
    return path === undefined || rule === undefined ? undefined : ([path, rule] as const)
  })
  return rules === undefined ? undefined : Object.fromEntries(Object.values(rules))
}

const readWindow: Reader<string> = (node, context) => {
  const written = readFilledText(node, context)
  if (written === undefined) return undefined
  const parsed = parseWindow(written)
  if (parsed.ok) return parsed.text
  const remedy = 'write the start as cron does and how long it lasts: "0 2 * * 1-5 for 3h"'
  return context.fault(node, 'value-invalid', `window ${quote(written)} ${parsed.fault}`, remedy)
}

/** One window, or several of which one must be open; a list in the model. */
const readWindows: Reader<string[]> = (node, context) => {
  const nodes = node.kind === 'list' ? node.items : [node]
  if (nodes.length === 0) return wrongType(node, context, 'a window, or a list of them')
  if (nodes.length > mostWindows)
    return context.fault(node, 'value-invalid', `${nodes.length} windows are more than ${mostWindows}`)
  const windows = nodes.flatMap((item) => readWindow(item, context) ?? [])
  return windows.length === 0 ? undefined : [...new Set(windows)]
}

const readLockExpiry: Reader<string> = (node, context) => {
  const ms = node.kind === 'scalar' ? parseDurationMs(node.text) : undefined
  return ms === undefined || ms < leastLockExpiryMs || ms > mostLockExpiryMs
    ? wrongType(node, context, 'a duration from 1m to 30d')
    : formatDuration(ms)
}

export const readLongshore: Reader<NonNullable<Model['x-longshore']>> = orNothing(
  readShape('longshore', {
    update: orNothing(
      readShape('longshoreUpdate', {
        deadline: readDuration,
        tolerateRestarts: readInteger(0),
        window: readWindows,
        lockExpiry: readLockExpiry,
      }),
    ),
    files: orNothing(readFileRules),
  }),
)
