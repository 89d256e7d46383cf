/**
 * What came over the wire to a model, or its faults. The agent's side: must not load `yaml`, must not throw whatever
 * the value is.
 */
import type { z } from 'zod'
import type { Code } from '../protocol/codes.ts'
import { formatPath } from '../protocol/payload.ts'
import { hasBadCharacter } from './authored.ts'
import { checkModel, type Fault } from './check.ts'
import { levelAt } from './keys.ts'
import { type Model, modelSchema } from './model.ts'
import { refuseKey } from './refuse-key.ts'

export type ModelFault = { readonly code: Code; readonly path: string; readonly message: string }
export type ValidatedModel =
  | { readonly ok: true; readonly model: Model }
  | { readonly ok: false; readonly faults: readonly ModelFault[] }

export const validateModel = (json: unknown): ValidatedModel => {
  const found = modelFaults(json)
  // Cross-checks may rely on the shape.
  const faults = found.length > 0 ? found : checkModel(json as Model)
  if (faults.length === 0) return { ok: true, model: json as Model }
  return { ok: false, faults: faults.map(({ code, path, message }) => ({ code, path: formatPath(path), message })) }
}

/** What is wrong with the shape alone. */
export const modelFaults = (json: unknown): Fault[] => {
  const unsafe = unsafeValues(json)
  if (unsafe.length > 0) return unsafe
  const result = modelSchema.safeParse(json)
  return result.success ? [] : flatten(result.error.issues, [])
}

type Step = string | number

const flatten = (issues: readonly z.core.$ZodIssue[], base: readonly Step[]): Fault[] =>
  issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))] as Step[]
    const invalid = (message: string): Fault => ({ code: 'value-invalid', path, message: `${named(path)} ${message}` })
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key]))
    if (issue.code === 'custom' && issue.params?.unknownKey === true) return [unknownKey(path)]
    if (issue.code === 'invalid_key')
      return [
        {
          ...invalid(''),
          message: `the name ${JSON.stringify(path.at(-1))} ${issue.issues[0]?.message ?? 'is not valid'}`,
        },
      ]
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const [closest = []] = [...issue.errors].sort((a, b) => a.length - b.length)
      return flatten(closest, path)
    }
    return [invalid(issue.message)]
  })

const named = (path: readonly Step[]): string => `${formatPath(path) || 'the model'}:`

const unknownKey = (path: readonly Step[]): Fault => {
  const level = levelAt(path.slice(0, -1))
  if (level === undefined) return { code: 'key-unknown', path, message: `${named(path)} is not a key of Compose` }
  const { code, message, remedy } = refuseKey(level, String(path.at(-1)))
  return { code, path, message: `${named(path)} ${message}: ${remedy}` }
}

/** What JSON can carry and the rest of the program cannot: names that are not names, and text that is not text. */
const unsafeValues = (json: unknown): Fault[] => {
  const faults: Fault[] = []
  const visit = (value: unknown, path: readonly Step[]): void => {
    const fail = (message: string) => faults.push({ code: 'value-invalid', path, message: `${named(path)} ${message}` })
    if (typeof value === 'string' && hasBadCharacter(value)) fail('holds a NUL or half a character')
    if (typeof value !== 'object' || value === null) return
    if (path.length >= deepestNesting) {
      fail(`is nested more than ${deepestNesting} deep`)
      return
    }
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index])
    else
      for (const [key, item] of Object.entries(value)) {
        if (key === '__proto__' || hasBadCharacter(key)) fail(`has the key ${JSON.stringify(key)}, which cannot be`)
        else visit(item, [...path, key])
      }
  }
  visit(json, [])
  return faults
}

/** Deeper than any Compose file, and shallow enough for the stack. */
const deepestNesting = 100
