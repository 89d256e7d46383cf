import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Level, levelAt, levels, rulesOf } from '../../src/compose/keys.ts'
import { serviceSchema } from '../../src/compose/model.ts'
import { refuseKey } from '../../src/compose/refuse-key.ts'
import { suggest } from '../../src/compose/suggest.ts'
import { composeTable } from '../../src/compose/table.ts'

test('docs/compose.md holds the table that the code makes', () => {
  expect(readFileSync('docs/compose.md', 'utf8')).toContain(composeTable())
})

test('the keys of a service that are read are those of the model, and those that are resolved when deploying', () => {
  const supported = Object.entries(rulesOf('service')).flatMap(([key, rule]) => (typeof rule === 'string' ? [] : [key]))
  const resolved = ['attach', 'build', 'develop', 'env_file', 'extends', 'label_file', 'profiles', 'scale']
  expect(supported.sort()).toEqual([...Object.keys(serviceSchema.shape), ...resolved].sort())
})

test('every level has its own path, and is found by it', () => {
  for (const level of Object.keys(levels) as Level[]) {
    const path = levels[level].at === '' ? [] : levels[level].at.split('.').map((step) => (step === '*' ? 'any' : step))
    expect(levelAt(path)).toBe(level)
  }
})

test('a key that is on every object is still an unknown key', () => {
  for (const key of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    expect(refuseKey('service', key).code).toBe('key-unknown')
})

test.each([
  ['imgae', 'image'],
  ['PORTS', 'ports'],
  ['env-file', 'env_file'],
  ['something_else', undefined],
])('for %s, %s is suggested', (word, expected) => {
  expect(suggest(word, Object.keys(rulesOf('service')))).toBe(expected)
})
