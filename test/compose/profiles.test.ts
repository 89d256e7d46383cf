import { describe, expect, test } from 'vitest'
import { faultsOfFiles, modelOfFiles, readFiles } from './support.ts'

/** The example of the specification. */
const example = `services:
  foo: {image: foo}
  bar: {image: bar, profiles: [test]}
  baz: {image: baz, depends_on: [bar], profiles: [test]}
  zot: {image: zot, depends_on: [bar], profiles: [debug]}
`
const active = (profiles: string[], text = example) =>
  Object.keys(modelOfFiles({ 'a.yaml': text }, { profiles }).services)

describe('a service with profiles is there if one of them is given', () => {
  test.each([
    [[], ['foo']],
    [['test'], ['foo', 'bar', 'baz']],
    [
      ['debug', 'test'],
      ['foo', 'bar', 'baz', 'zot'],
    ],
    [['*'], ['foo', 'bar', 'baz', 'zot']],
    [['nobody'], ['foo']],
  ])('%j gives %j', (profiles, expected) => {
    expect(active(profiles)).toEqual(expected)
  })

  test('and leaves nothing of them in the model', () => {
    expect(modelOfFiles({ 'a.yaml': example }, { profiles: ['test'] }).services.bar).toEqual({ image: 'bar' })
  })

  test('profiles of several files and of what is extended come together; reset, it is always there', () => {
    const files = {
      'a.yaml': 'services: {a: {image: x, profiles: [one]}, b: {extends: a}, c: {extends: a, profiles: !reset []}}',
      'b.yaml': 'services: {a: {profiles: [two]}}',
    }
    const names = (profiles: string[]) => Object.keys(modelOfFiles(files, { profiles }).services)
    expect(names(['two'])).toEqual(['a', 'c'])
    expect(names(['one'])).toEqual(['a', 'b', 'c'])
    expect(names([])).toEqual(['c'])
  })

  test('what stands in a service that is not there does no harm', () => {
    expect(active([], 'services: {a: {image: x}, b: {image: $NONE, foo: 1, profiles: [p]}}')).toEqual(['a'])
  })

  test('a profile that no service has is said', () => {
    const result = readFiles({ 'a.yaml': example }, { profiles: ['tset'] })
    expect(result).toMatchObject({ ok: true, notes: [{ message: 'no service has the profile "tset"' }] })
  })
})

describe('a service that needs one that is not there is refused, with the profile to give', () => {
  test.each([
    ['depends_on: [b]', 'a.yaml:4:18'],
    ['depends_on: {b: {condition: service_healthy}}', 'a.yaml:4:18'],
    ['network_mode: service:b', 'a.yaml:4:19'],
  ])('%s', (line, place) => {
    const text = `services:\n  a:\n    image: x\n    ${line}\n  b: {image: y, profiles: [p, q]}\n`
    expect(faultsOfFiles({ 'a.yaml': text })).toEqual([
      `reference-missing ${place} service a needs service b, which is not active: it has the profiles p, q`,
    ])
    const result = readFiles({ 'a.yaml': text })
    expect(result.ok ? '' : result.faults[0]?.remedy).toContain('give --profile p or --profile q')
    expect(active(['q'], text)).toEqual(['a', 'b'])
  })

  test('not where it says that it can do without', () => {
    const text =
      'services: {a: {image: x, depends_on: {b: {condition: service_started, required: false}}}, b: {image: y, profiles: [p]}}'
    expect(active([], text)).toEqual(['a'])
  })

  test('zot alone, of the specification', () => {
    expect(faultsOfFiles({ 'a.yaml': example }, { profiles: ['debug'] })).toEqual([
      'reference-missing a.yaml:5:34 service zot needs service bar, which is not active: it has the profile test',
    ])
  })

  test('where no service is left, the profiles are named', () => {
    const result = readFiles({ 'a.yaml': 'services: {a: {image: x, profiles: [p]}, b: {image: x, profiles: [q, p]}}' })
    expect(result.ok ? [] : result.faults.map(({ message, remedy }) => `${message}: ${remedy}`)).toEqual([
      'every service has profiles, and none of them is given: give --profile p or --profile q',
    ])
  })

  test('names of profiles are checked', () => {
    expect(faultsOfFiles({ 'a.yaml': 'services: {a: {image: x, profiles: ["a b", [c]]}}' })).toHaveLength(2)
    expect(faultsOfFiles({ 'a.yaml': 'services: {a: {image: x, profiles: p}}' })[0]).toContain(
      'profiles must be a list',
    )
  })
})
