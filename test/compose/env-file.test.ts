import { describe, expect, test } from 'vitest'
import { parseEnvFile, parseRawEnvFile } from '../../src/compose/env-file.ts'

const outside = (name: string) => (name === 'OUT' ? 'outside' : undefined)
const values = (text: string) => {
  const result = parseEnvFile(text, outside)
  return result.ok ? result.values : result.faults
}

describe('a line means what it means to Compose', () => {
  test.each([
    ['', {}],
    ['# comment\n\n  \n', {}],
    ['\uFEFFA=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['A=', { A: '' }],
    ['A=1', { A: '1' }],
    ['  A = 1  ', { A: '1' }],
    ['export A=1', { A: '1' }],
    ['A: 1', { A: '1' }],
    ['A.b-c=1', { 'A.b-c': '1' }],
    ['A=x=y', { A: 'x=y' }],
    ['A=1\nA=2', { A: '2' }],
    ['A=a b # comment', { A: 'a b' }],
    ['A=a#b', { A: 'a#b' }],
    ['A=#b', { A: '#b' }],
    ['A= # comment', { A: '' }],
    ['A="a # b" # comment', { A: 'a # b' }],
    ["A='a # b'", { A: 'a # b' }],
    ["A='$B ${C} \\n'", { A: '$B ${C} \\n' }],
    ["A='it\\'s'", { A: "it's" }],
    ['A="say \\"hi\\""', { A: 'say "hi"' }],
    ['A="a\\nb\\tc\\\\d"', { A: 'a\nb\tc\\d' }],
    ['A="\\$B"', { A: '$B' }],
    ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
    ["A='one\n# two'", { A: 'one\n# two' }],
    ['A=$OUT', { A: 'outside' }],
    ['A="${OUT}!"', { A: 'outside!' }],
    ['A=1\nB=$A', { A: '1', B: '1' }],
    ['OUT=1\nB=$OUT', { OUT: '1', B: 'outside' }],
    ['A=${NONE:-d}', { A: 'd' }],
    ['A=$$5', { A: '$5' }],
    ['OUT', { OUT: 'outside' }],
    ['NONE', {}],
  ])('%j', (text, expected) => {
    expect(values(text)).toEqual(expected)
  })
})

describe('a mistake is named with its line', () => {
  test.each([
    ['A=1\nB="two', 'value-invalid', 2],
    ['A=1\n\nB C=2', 'value-invalid', 3],
    ['=1', 'value-invalid', 1],
    ['A="x" y', 'value-invalid', 1],
    ['A=1\nB=$NONE', 'variable-undefined', 2],
    ['A="a\nb"\nB=${', 'variable-invalid', 3],
    ['__proto__=1', 'value-invalid', 1],
  ])('%j', (text, code, line) => {
    expect(values(text)).toMatchObject([{ code, line }])
  })
})

test('a raw file is taken to the letter', () => {
  expect(parseRawEnvFile('# c\nA="x" $B # y\nOUT\nNONE\n', outside)).toEqual({
    ok: true,
    values: { A: '"x" $B # y', OUT: 'outside' },
  })
})
