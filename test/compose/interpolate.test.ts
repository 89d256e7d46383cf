import { describe, expect, test } from 'vitest'
import { escapeDollars, interpolate } from '../../src/compose/interpolate.ts'

const variables: Record<string, string> = { A: 'a', EMPTY: '', B_2: 'b', JSON: '{}' }
const put = (text: string) =>
  interpolate(text, (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined))

describe('every form of the specification has its value', () => {
  test.each([
    ['', ''],
    ['plain {text}', 'plain {text}'],
    ['$A', 'a'],
    ['x$A.y', 'xa.y'],
    ['$B_2-', 'b-'],
    ['${A}', 'a'],
    ['${A}${B_2}', 'ab'],
    ['${EMPTY}', ''],
    ['${A:-d}', 'a'],
    ['${EMPTY:-d}', 'd'],
    ['${NONE:-d}', 'd'],
    ['${NONE:-}', ''],
    ['${NONE-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${NONE:-a:b-c?d}', 'a:b-c?d'],
    ['${A:?why}', 'a'],
    ['${EMPTY?why}', ''],
    ['${A:+r}', 'r'],
    ['${EMPTY:+r}', ''],
    ['${EMPTY+r}', 'r'],
    ['${NONE+r}', ''],
    ['${NONE:-${A}}', 'a'],
    ['${NONE:-${NONE:-${B_2}}}', 'b'],
    ['${NONE:-x$A-y}', 'xa-y'],
    ['${A:+[${B_2}]}', '[b]'],
    ['${A:-$NONE}', 'a'],
    ['${NONE:-{"a":{}}}', '{"a":{}}'],
    ['$$', '$'],
    ['$$A $${A}', '$A ${A}'],
    ['${NONE:-$$5}', '$5'],
    ['$$$A', '$a'],
    ['$', '$'],
    ['^a$', '^a$'],
    ['a$ b $1 $-', 'a$ b $1 $-'],
    ['${NONE:-a$}', 'a$'],
    ['$1$A', '$1a'],
  ])('%s is %s', (text, expected) => {
    expect(put(text)).toEqual({ ok: true, text: expected })
  })
})

describe('what has no value or does not parse is a fault that says where', () => {
  test.each([
    ['$NONE', 'variable-undefined', 0],
    ['ab ${NONE}', 'variable-undefined', 3],
    ['${NONE:?why}', 'variable-undefined', 0],
    ['${EMPTY:?why}', 'variable-undefined', 0],
    ['${NONE?}', 'variable-undefined', 0],
    ['${NONE:-$OTHER}', 'variable-undefined', 8],
    ['${}', 'variable-invalid', 0],
    ['${A', 'variable-invalid', 0],
    ['${A:}', 'variable-invalid', 0],
    ['${A!x}', 'variable-invalid', 0],
    ['${A:-x', 'variable-invalid', 0],
    ['${A:-{}', 'variable-invalid', 0],
    ['${A:-${}}', 'variable-invalid', 5],
  ])('%s is %s at %i', (text, code, index) => {
    expect(put(text)).toMatchObject({ ok: false, faults: [{ code, index }] })
  })

  test('the words of ${NAME:?words} are in the message', () => {
    expect(put('${NONE:?ask $A}')).toMatchObject({ faults: [{ message: 'variable NONE is not set: ask a' }] })
  })

  test('all undefined variables of a text are named at once', () => {
    expect(put('$X $Y')).toMatchObject({ faults: [{ index: 0 }, { index: 3 }] })
  })

  test('nesting without end is refused, not followed', () => {
    expect(put('${A:-'.repeat(100_000))).toMatchObject({ ok: false })
  })
})

test('an escaped text comes back as it was', () => {
  expect(put(escapeDollars('$A ${B} $$'))).toEqual({ ok: true, text: '$A ${B} $$' })
})
