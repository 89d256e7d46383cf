/** Whatever somebody writes: an answer, not an exception, and in time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseEnvFile, parseRawEnvFile } from '../../src/compose/env-file.ts'
import { escapeDollars, interpolate } from '../../src/compose/interpolate.ts'
import { shellWords } from '../../src/compose/shell-words.ts'
import { formatDuration, parseDurationMs, parseSizeBytes } from '../../src/compose/units.ts'
import { validateModel } from '../../src/compose/validate.ts'
import { writeCompose } from '../../src/compose/write.ts'
import { canonicalJson } from '../../src/protocol/digest.ts'
import { anything, mutated, piece, service, structured, swappedLines, valid, validFile } from './arbitraries.ts'
import { read } from './support.ts'

const variables = { INFLUX_USER: 'admin', A: 'a', EMPTY: '' }
const readFile = () => 'INFLUX_TOKEN="a b"\nB=${A}\n'

/** Answers, and what it accepts the device accepts too, and is the same when read again. */
const holds = (text: string): boolean => {
  const started = performance.now()
  const result = read(text, { variables, readFile })
  if (performance.now() - started > 5000) throw new Error('took longer than 5 s')
  if (!result.ok) {
    for (const { message, remedy, place } of result.faults)
      if (message === '' || !remedy || place.line === undefined || place.line < 1) throw new Error(`vague: ${message}`)
    return false
  }
  expect(validateModel(JSON.parse(JSON.stringify(result.model)))).toMatchObject({ ok: true })
  const again = read(writeCompose(result.model))
  if (!again.ok) throw new Error(`not read again: ${JSON.stringify(again.faults)}\n${writeCompose(result.model)}`)
  expect(canonicalJson(again.model)).toBe(canonicalJson(result.model))
  return true
}

describe('reading a Compose file always answers', () => {
  const cases = (title: string, arbitrary: fc.Arbitrary<string>, numRuns: number) =>
    test(title, () => {
      fc.assert(
        fc.property(arbitrary, (file) => void holds(file)),
        { numRuns },
      )
    })

  cases('any text', fc.string({ maxLength: 200, unit: 'binary' }), 2000)
  cases(
    'pieces of YAML',
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    2000,
  )
  cases('valid files with mistakes typed into them', mutated, 400)
  cases('valid files with lines moved', swappedLines, 200)
  cases(
    'any structure',
    anything.map((value) => stringify(value)),
    1500,
  )
  cases('services with any values', structured, 800)

  test('valid files in any spelling are accepted, and read again as the same', () => {
    fc.assert(
      fc.property(validFile, (file) => {
        expect(holds(file), file).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  test('a key that is called << in quotes is a key', () => {
    expect(holds('services: {web: {image: x, labels: {"<<": a}}}')).toBe(true)
  })

  test.each(valid)('the fixtures hold', (file) => {
    expect(holds(file)).toBe(true)
  })
})

describe('the small parsers always answer', () => {
  const dollars = fc.array(fc.constantFrom('$', '{', '}', ':', '-', '+', '?', 'A', 'EMPTY', 'none', ' ', '$$'), {
    maxLength: 24,
  })

  test('interpolation', () => {
    fc.assert(
      fc.property(dollars, (parts) => {
        const result = interpolate(parts.join(''), (name) => (Object.hasOwn(variables, name) ? 'v' : undefined))
        if (!result.ok) expect(result.faults.length).toBeGreaterThan(0)
      }),
      { numRuns: 5000 },
    )
  })

  test('a text without its dollar signs doubled comes back when they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(interpolate(escapeDollars(value), () => undefined)).toEqual({ ok: true, text: value })
      }),
    )
  })

  test('environment files', () => {
    const line = fc.array(
      fc.oneof(
        fc.constantFrom('A', '=', '"', "'", '\\', '\n', '#', ' ', '$A', '${', 'export ', ':'),
        fc.string({ maxLength: 4 }),
      ),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(line, (parts) => {
        parseRawEnvFile(parts.join(''))
        const result = parseEnvFile(parts.join(''), () => undefined)
        if (!result.ok) for (const fault of result.faults) expect(fault.line).toBeGreaterThan(0)
      }),
      { numRuns: 3000 },
    )
  })

  test('any value in double quotes comes back from an environment file', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        const quoted = value.replace(/[\\"$]/g, (character) => `\\${character}`)
        const expected = value.replaceAll('\r\n', '\n')
        expect(parseEnvFile(`A="${quoted}"`)).toEqual({ ok: true, values: { A: expected } })
      }),
      { numRuns: 1000 },
    )
  })

  test('command lines, durations and sizes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        shellWords(value)
        parseDurationMs(value)
        parseSizeBytes(value)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
        const once = formatDuration(ms)
        expect(formatDuration(parseDurationMs(once) ?? Number.NaN)).toBe(once)
      }),
    )
  })
})

describe('validating what came over the wire always answers', () => {
  test('any JSON', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.json().map((json) => JSON.parse(json) as unknown),
        ),
        (json) => {
          validateModel(json)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('models with anything in them', () => {
    const wild = fc.oneof(anything, fc.constant(JSON.parse('{"__proto__":{"a":1}}') as unknown))
    const model = fc.record({
      name: fc.constantFrom('demo', 'A'),
      services: fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(wild, service)),
    })
    fc.assert(
      fc.property(model, wild, (json, extra) => {
        const result = validateModel({ ...json, volumes: extra })
        if (!result.ok) expect(result.faults[0]?.message).not.toBe('')
      }),
      { numRuns: 2000 },
    )
  })

  test('nesting that would run out of stack', () => {
    let json: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) json = [json]
    expect(validateModel({ name: 'demo', services: { web: { image: 'x', 'x-a': json } } }).ok).toBe(false)
  })
})

test.each([
  ['brackets', '['.repeat(50_000)],
  ['braces', '{a: '.repeat(50_000)],
  ['dashes', '- '.repeat(50_000)],
  ['quotes', '"'.repeat(20_000)],
  ['anchors', '&a '.repeat(20_000)],
  ['keys', Array.from({ length: 30_000 }, (_, index) => `x-${index}: 1\n`).join('')],
  ['dollars', `x-a: ${'${A:-'.repeat(100_000)}`],
  ['ports', `services: {a: {image: x, ports: [${'"1-1000:1-1000", '.repeat(1000)}]}}`],
  ['a long line of words', `x-a: ${'a '.repeat(200_000)}`],
  ['an image of dashes', `services: {a: {image: "${'a-'.repeat(100_000)}"}}`],
])('a file of %s is answered in time', (_, file) => {
  const started = performance.now()
  read(file)
  expect(performance.now() - started).toBeLessThan(10_000)
})
