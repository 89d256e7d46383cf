/** What to say of a key that is not read: refused by name with advice, or unknown with the nearest known one. */
import { quote } from './authored.ts'
import { type Level, levels, ruleOf, rulesOf } from './keys.ts'
import { suggest } from './suggest.ts'

export type Refusal = {
  readonly code: 'key-unsupported' | 'key-unknown'
  readonly message: string
  readonly remedy: string
}

export const refuseKey = (level: Level, key: string): Refusal => {
  const rule = ruleOf(level, key)
  if (typeof rule === 'string') return { code: 'key-unsupported', message: `${key} is not supported`, remedy: rule }
  if (rule !== undefined || key === 'x-longshore')
    return {
      code: 'key-unsupported',
      message: `${key} is not supported here`,
      remedy:
        key === 'x-longshore' ? 'write x-longshore at top level' : 'send it with longshore deploy, which resolves it',
    }
  return { code: 'key-unknown', message: `Compose knows no key ${quote(key)} here`, remedy: remedyFor(level, key) }
}

const remedyFor = (level: Level, key: string): string => {
  const elsewhere = (['service', 'top', 'deploy', 'healthcheck'] as const).find(
    (other) => other !== level && typeof ruleOf(other, key) === 'object',
  )
  if (elsewhere !== undefined) return `it belongs at: ${levels[elsewhere].title.replaceAll('`', '')}`
  const near = suggest(key, Object.keys(rulesOf(level)))
  if (near !== undefined) return `did you mean ${near}?`
  if (level === 'top') return 'write services under services:, and prefix keys of your own with x-'
  return 'check its spelling, or prefix keys of your own with x-'
}
