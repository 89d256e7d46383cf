import { expect, test } from 'vitest'
import { parseLabels } from '../../src/cli/commands/label.ts'

test('labels are set and removed as kubectl does it', () => {
  expect(parseLabels(['line=3', 'note=a=b', 'site-', 'a-b-'])).toEqual({
    set: { line: '3', note: 'a=b' },
    remove: ['site', 'a-b'],
  })
})

test.each([
  ['line', /neither NAME=VALUE nor NAME-/],
  ['-', /neither/],
  ['line=', /1 to 200/],
  ['a b=3', /no name of a label/],
])('%s is a slip', (text, message) => {
  expect(() => parseLabels([text])).toThrow(message)
})

test('a label is not set and removed at once', () => {
  expect(() => parseLabels(['line=3', 'line-'])).toThrow(/both/)
})
