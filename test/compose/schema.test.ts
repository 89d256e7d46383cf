/** The official schema of Compose: our table knows each of its keys, and what the reader emits is valid by it. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Level, levelAt, levels, ruleOf, rulesOf } from '../../src/compose/keys.ts'
import { mutated, structured, swappedLines, valid, validFile } from './arbitraries.ts'
import { read } from './support.ts'
import '../support/seed.ts'

type Schema = {
  readonly $ref?: string
  readonly oneOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly definitions?: Readonly<Record<string, Schema>>
}

const { $schema: _, ...official } = JSON.parse(
  readFileSync(new URL('fixtures/compose-spec.schema.json', import.meta.url), 'utf8'),
) as Schema & { $schema: string }

/** Levels that the table has no rows for, and who reads them. */
const readElsewhere: Readonly<Record<string, string>> = {
  'include.*': 'include.ts: its keys are gone when the files are one',
  'services.*.extends': 'extends.ts: its keys are gone when the files are one',
  'networks.*.external': 'read-definitions.ts: the old form of external, of which only the name is left',
  'volumes.*.external': 'read-definitions.ts: the old form of external, of which only the name is left',
  'secrets.*.external': 'read-attached.ts: the old form of external, of which only the name is left',
}

/** Keys of our table that are not in the schema, and why. */
const unofficial: Readonly<Record<string, string>> = {
  'x-longshore': 'our own',
}

/** Every level of the schema with properties, by its path as in the table; nothing under a key that is refused. */
const schemaLevels = (): Map<string, Set<string>> => {
  const found = new Map<string, Set<string>>()
  const visit = (schema: Schema, path: readonly string[]): void => {
    const name = schema.$ref?.replace('#/definitions/', '')
    if (name !== undefined) visit(official.definitions?.[name] ?? {}, path)
    for (const variant of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) visit(variant, path)
    const level = levelAt(path)
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      const at = path.join('.')
      found.set(at, (found.get(at) ?? new Set()).add(key))
      if (level !== undefined && typeof ruleOf(level, key) === 'string') continue
      if (level !== undefined || readElsewhere[at] !== undefined) visit(value, [...path, key])
    }
    for (const [pattern, value] of Object.entries(schema.patternProperties ?? {}))
      if (pattern !== '^x-') visit(value, [...path, '*'])
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties, [...path, '*'])
    if (schema.items !== undefined) visit(schema.items, [...path, '*'])
  }
  visit(official, [])
  return found
}

const officialLevels = schemaLevels()

describe('every key of the official schema is read, noted or refused', () => {
  test.each([...officialLevels].map(([at, keys]) => [at || 'top', at, [...keys]] as const))('%s', (_, at, keys) => {
    if (readElsewhere[at] !== undefined) return
    const level = levelAt(at === '' ? [] : at.split('.'))
    if (level === undefined) throw new Error(`no level of the table is at ${at}: add one, or say here who reads it`)
    expect(keys.filter((key) => ruleOf(level, key) === undefined)).toEqual([])
  })

  test('every level that is named here as read elsewhere is still in the schema', () => {
    expect(Object.keys(readElsewhere).filter((at) => !officialLevels.has(at))).toEqual([])
  })
})

test('every key of the table is one of the official schema, or said here to be another', () => {
  const unknown = (Object.keys(levels) as Level[]).flatMap((level) => {
    if (level.startsWith('longshore')) return []
    const keys = officialLevels.get(levels[level].at)
    return Object.keys(rulesOf(level))
      .filter((key) => keys?.has(key) !== true && unofficial[key] === undefined)
      .map((key) => `${level} ${key}`)
  })
  expect(unknown).toEqual([])
})

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const isOfficial = ajv.compile(official)

/** `x-longshore` needs no exception: the schema lets every key that begins with `x-` pass. */
const expectOfficial = (text: string): boolean => {
  const result = read(text, { variables: { INFLUX_USER: 'admin' }, readFile: () => 'INFLUX_TOKEN=a\n' })
  if (!result.ok) return false
  if (!isOfficial(result.model)) throw new Error(`${text}\n${JSON.stringify(isOfficial.errors, null, 2)}`)
  return true
}

describe('what the reader emits is valid by the official schema', () => {
  test.each(valid)('of the fixtures', (text) => {
    expect(expectOfficial(text)).toBe(true)
  })

  test('of files in any spelling', () => {
    fc.assert(
      fc.property(validFile, (text) => expectOfficial(text)),
      { numRuns: 300 },
    )
  })

  test.each([
    ['services with any values', structured],
    ['valid files with mistakes typed into them', mutated],
    ['valid files with lines moved', swappedLines],
  ])('of what is accepted among %s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (text) => void expectOfficial(text)),
      { numRuns: 300 },
    )
  })
})
