/** `x-longshore` at top level: what Compose lacks. */
import { quote } from './authored.ts'
import type { Reader } from './context.ts'
import type { Model } from './model.ts'
import { toProjectPath } from './project-path.ts'
import { orNothing, readShape } from './read-shape.ts'
import { readDuration, readEntries, readInteger, readOneOf } from './read-values.ts'

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

export const readLongshore: Reader<NonNullable<Model['x-longshore']>> = orNothing(
  readShape('longshore', {
    update: orNothing(readShape('longshoreUpdate', { deadline: readDuration, tolerateRestarts: readInteger(0) })),
    files: orNothing(readFileRules),
  }),
)
