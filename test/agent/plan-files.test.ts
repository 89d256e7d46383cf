import { describe, expect, test } from 'vitest'
import { decide } from '../../agent/reconcile/plan-files.ts'

const question = { found: null, before: undefined, wanted: 'new', rule: undefined, isNeeded: false, generation: 7 }

describe('what becomes of a writable file', () => {
  test.each([
    ['nothing was there', {}, { action: 'write', found: null, written: 'new' }],
    [
      'it is as it was last written',
      { found: 'old', before: 'old' },
      { action: 'write', found: 'old', written: 'new' },
    ],
    ['it is what the release has', { found: 'new', before: 'old' }, { action: 'keep', found: 'new', written: 'new' }],
    [
      'it was changed on the device',
      { found: 'mine', before: 'old' },
      { action: 'keep', found: 'mine', written: 'old' },
    ],
    ['a file that nobody of ours wrote', { found: 'mine' }, { action: 'keep', found: 'mine' }],
    ['it was removed on the device', { before: 'old' }, { action: 'keep', found: null, written: 'old' }],
    [
      'it was removed, and is itself mounted',
      { before: 'old', isNeeded: true },
      { action: 'write', found: null, written: 'new' },
    ],
    [
      'it was changed, and the release always wins',
      { found: 'mine', before: 'old', rule: 'release' as const },
      { action: 'write', found: 'mine', written: 'new' },
    ],
    [
      'it was changed from what the release still has, and the release wins: its services must notice',
      { found: 'mine', before: 'new', rule: 'release' as const },
      { action: 'write', found: 'mine', written: 'new#7' },
    ],
    [
      'it is as it was last written, and the device always wins',
      { found: 'old', before: 'old', rule: 'data' as const },
      { action: 'keep', found: 'old', written: 'old' },
    ],
    [
      'a mark of an earlier replacement stays, so that nothing is replaced anew',
      { found: 'new', before: 'new#3' },
      { action: 'keep', found: 'new', written: 'new#3' },
    ],
    [
      'the release has it no more, and it is as it was written',
      { found: 'old', before: 'old', wanted: undefined },
      { action: 'remove', found: 'old' },
    ],
    [
      'the release has it no more, and it was changed',
      { found: 'mine', before: 'old', wanted: undefined },
      { action: 'keep', found: 'mine', written: 'old' },
    ],
    [
      'the release has it no more, nor the device',
      { before: 'old', wanted: undefined },
      { action: 'keep', found: null },
    ],
  ])('%s', (_, given, expected) => {
    expect(decide({ ...question, ...given })).toEqual(expected)
  })
})
