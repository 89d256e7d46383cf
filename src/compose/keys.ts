/**
 * Every key of the Compose specification, level by level: read, noted, or refused with what to do instead. The reader, the
 * check on the device and docs/compose.md all come from this table; a key that is not in it is unknown.
 */
import type { Rule } from './key-rules.ts'
import { partLevels } from './keys-parts.ts'
import { resourceLevels } from './keys-resources.ts'
import { serviceLevels } from './keys-service.ts'

/** `at` is the path of a level in the model, `*` being any name or index. A text is the advice for a refused key. */
export const levels = {
  ...serviceLevels,
  ...resourceLevels,
  ...partLevels,
} as const satisfies Record<string, { at: string; title: string; keys: Record<string, Rule> }>

export type Level = keyof typeof levels

/** The keys of a level that are read; a table of readers over them is complete by type. */
export type SupportedKey<L extends Level> = {
  [K in keyof (typeof levels)[L]['keys']]: (typeof levels)[L]['keys'][K] extends string ? never : K
}[keyof (typeof levels)[L]['keys']] &
  string

export const rulesOf = (level: Level): Readonly<Record<string, Rule>> => levels[level].keys

export const ruleOf = (level: Level, key: string): Rule | undefined =>
  Object.hasOwn(rulesOf(level), key) ? rulesOf(level)[key] : undefined

/** Our own extension has its places, and no others inside it. */
export const isExtension = (level: Level, key: string): boolean =>
  key.startsWith('x-') && key !== 'x-longshore' && !level.startsWith('longshore')

/** The level whose keys stand at this path of a model. */
export const levelAt = (path: readonly PropertyKey[]): Level | undefined =>
  (Object.keys(levels) as Level[]).find((level) => {
    const steps = levels[level].at === '' ? [] : levels[level].at.split('.')
    return steps.length === path.length && steps.every((step, index) => step === '*' || step === path[index])
  })
