import { describe, expect, test } from 'vitest'
import { cut, table } from '../../src/cli/output.ts'
import { cutTo, widthOf } from '../../src/cli/text-width.ts'

test.each([
  ['', 0],
  ['gw-1 ▁▃█ …', 10],
  ['压力机', 6],
  ['ディスク', 8],
  ['압력', 4],
  ['é', 1],
  ['e\u0301', 1],
  ['a\u200bb', 2],
  ['🔥', 2],
])('%j takes %d columns', (text, columns) => {
  expect(widthOf(text)).toBe(columns)
})

describe('what does not fit', () => {
  test.each([
    ['abc', 2, 'ab'],
    ['压力机', 5, '压力'],
    ['🔥🔥', 3, '🔥'],
    ['abc', -1, ''],
  ])('%j in %d columns is %j', (text, columns, kept) => {
    expect(cutTo(text, columns)).toBe(kept)
  })

  test('a line that is cut is never wider than it may be, and its colours stay', () => {
    expect(cut('压力机 1', 7)).toBe('压力机…')
    expect(cut('压力机 1', 6)).toBe('压力…')
    expect(cut('\u001b[31m压力机\u001b[39m x', 5)).toBe('\u001b[31m压力\u001b[39m…')
  })
})

test('columns of a table stand under one another', () => {
  const lines = table(
    ['NAME', 'STATE'],
    [
      ['压力机', 'ok'],
      ['gw-1', 'ok'],
    ],
  ).split('\n')
  expect(lines.map((line) => widthOf(line.replace(/(STATE|ok)$/, '')))).toEqual([8, 8, 8])
})
