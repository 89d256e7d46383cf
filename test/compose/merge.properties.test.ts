import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { toJson } from '../../src/compose/authored.ts'
import { collect } from '../../src/compose/context.ts'
import { mergeAuthored } from '../../src/compose/merge.ts'
import { parseYaml } from '../../src/compose/parse-yaml.ts'
import type { ComposeFault } from '../../src/compose/read.ts'
import { settle } from '../../src/compose/settle.ts'
import { anything, mutated, service, structured, validFile } from './arbitraries.ts'
import { modelOf, modelOfFiles, readFiles } from './support.ts'

const context = () => collect({ lookup: () => undefined, readFile: () => undefined })
const tree = (text: string) => {
  const faults = context()
  const root = parseYaml({ file: 'a.yaml', text }, faults)
  if (root === undefined) throw new Error(JSON.stringify(faults.faults))
  return root
}
const settled = (root: ReturnType<typeof tree>) => {
  const whole = settle(root, context())
  return whole === undefined ? undefined : toJson(whole)
}

/** What is a map under one key is a map under it in every file; anything may carry a tag. */
const tag = fc.constantFrom('', '', '', '', '!reset ', '!override ')
const scalar = fc.oneof(fc.integer({ min: 0, max: 9 }).map(String), fc.constantFrom('a', 'true'))
const mapOf = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .dictionary(fc.constantFrom('m', 'n', 'x', 'y', 'z'), fc.tuple(tag, scalar, inner), { maxKeys: 4 })
    .map((entries) => {
      const written = Object.entries(entries).map(
        ([key, [mark, value, map]]) => `${key}: ${mark}${'mn'.includes(key) ? map : value}`,
      )
      return `{${written.join(', ')}}`
    })
const plainMap = mapOf(mapOf(mapOf(fc.constant('{}'))))

/** Of what is missing altogether, the last file is told. */
const withoutPlace = ({ place: _, ...fault }: ComposeFault) => fault

describe('merging', () => {
  test('of maps is associative, tags and all', () => {
    const merge = (base: ReturnType<typeof tree>, over: ReturnType<typeof tree>) => mergeAuthored(base, over, context())
    fc.assert(
      fc.property(plainMap, plainMap, plainMap, (first, second, third) => {
        const [a, b, c] = [tree(first), tree(second), tree(third)]
        expect(settled(merge(merge(a, b), c))).toEqual(settled(merge(a, merge(b, c))))
      }),
      { numRuns: 500 },
    )
  })

  test('with a file that says nothing changes nothing', () => {
    fc.assert(
      fc.property(fc.oneof(validFile, structured), fc.constantFrom('', '{}', 'services: {}'), (text, nothing) => {
        const alone = readFiles({ 'a.yaml': text })
        for (const files of [
          { 'a.yaml': text, 'b.yaml': nothing },
          { 'b.yaml': nothing, 'a.yaml': text },
        ]) {
          const both = readFiles(files)
          if (alone.ok) expect(both).toEqual(alone)
          else expect(both.ok ? [] : both.faults.map(withoutPlace)).toEqual(alone.faults.map(withoutPlace))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('the two parts of a file makes the file', () => {
    fc.assert(
      fc.property(validFile, fc.infiniteStream(fc.boolean()), (text, coins) => {
        const [first, second] = split(parse(text), coins)
        const files = { 'a.yaml': stringify(first), 'b.yaml': stringify(second) }
        expect(modelOfFiles(files)).toEqual(modelOf(text))
      }),
      { numRuns: 150 },
    )
  })

  test('anything with anything is a model or a list of faults, and never an exception', () => {
    const pieces = fc.oneof(
      mutated,
      structured,
      anything.map((value) => stringify({ services: { web: value } })),
    )
    fc.assert(
      fc.property(pieces, pieces, (a, b) => {
        const result = readFiles({ 'a.yaml': a, 'b.yaml': b })
        if (!result.ok) expect(result.faults.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('extending', () => {
  test('an identical copy changes nothing', () => {
    fc.assert(
      fc.property(validFile, (text) => {
        const file = parse(text)
        const [[name, { 'x-any': _, ...own }]] = Object.entries(file.services) as [[string, Record<string, unknown>]]
        file.services[name] = own
        const { volumes, networks } = file
        const alone = modelOf(stringify({ services: { [name]: own }, volumes, networks }))
        const copied = {
          services: { [name]: { ...own, extends: { file: 'copy.yaml', service: name } } },
          volumes,
          networks,
        }
        const files = { 'a.yaml': stringify(copied), 'copy.yaml': stringify(file) }
        expect(modelOfFiles(files, { given: ['a.yaml'] })).toEqual(alone)
      }),
      { numRuns: 100 },
    )
  })

  test('whatever is extended, nothing is thrown', () => {
    fc.assert(
      fc.property(service, service, anything, (base, over, target) => {
        const text = stringify({ services: { base, web: { ...over, extends: 'base' }, db: { extends: target } } })
        readFiles({ 'a.yaml': text, 'b.yaml': stringify({ include: target }) })
      }),
      { numRuns: 300 },
    )
  })
})

/** Each entry of a map, and each item of a list that is merged by appending, goes to one of two files at random. */
const split = (file: Record<string, unknown>, coins: Iterator<boolean>): [object, object] => {
  const toss = (): boolean => coins.next().value === true
  const deal = (value: object, depth: number): [object, object] => {
    if (Array.isArray(value)) {
      const isFirst = value.map(toss)
      return [value.filter((_, index) => isFirst[index]), value.filter((_, index) => !isFirst[index])]
    }
    const [first, second]: [unknown, unknown][][] = [[], []]
    for (const [key, item] of Object.entries(value)) {
      const isShared = typeof item === 'object' && item !== null && (depth < 2 || shared.includes(key))
      const [one, two] = isShared ? deal(item, depth + 1) : toss() ? [item, nothing] : [nothing, item]
      if (one !== nothing) first?.push([key, one])
      if (two !== nothing) second?.push([key, two])
    }
    return [Object.fromEntries(first as [string, unknown][]), Object.fromEntries(second as [string, unknown][])]
  }
  return deal(file, 0)
}

const nothing = Symbol('nothing')
const shared = ['environment', 'labels', 'healthcheck', 'ports', 'volumes', 'cap_add']
