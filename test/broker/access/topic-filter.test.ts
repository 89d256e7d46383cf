import { expect, test } from 'vitest'
import { covers, fillIn, isFilter } from '../../../broker/access/topic-filter.ts'

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/c', false],
  ['a/b', 'a', false],
  ['a/b', 'a/b/c', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/+', true],
  ['a/+', 'a/', true],
  ['a/+', 'a/#', false],
  ['a/+', 'a/b/c', false],
  ['a/#', 'a', true],
  ['a/#', 'a/b/+/c', true],
  ['a/#', 'a/#', true],
  ['a/#', '#', false],
  ['a/#', '+/b', false],
  ['a/b', 'a/+', false],
  ['#', 'anything/at/all', true],
  ['#', '#', true],
  ['#', '$SYS/broker', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/broker', true],
  ['+/+', '#', false],
  ['+', '/x', false],
  ['+/+', '/x', true],
])('%s covers %s: %s', (allowed, asked, expected) => {
  expect(covers(allowed, asked)).toBe(expected)
})

test('names stand in place of {user} and {client}, unless they could mean more than one level', () => {
  expect(fillIn('site/{user}/{client}/#', { user: 'scada', client: 'one' })).toBe('site/scada/one/#')
  for (const client of ['#', '+', 'a/b', '', '$SYS']) {
    expect(fillIn('site/{client}', { user: 'scada', client })).toBeUndefined()
    expect(fillIn('site/{user}', { user: 'scada', client })).toBe('site/scada')
  }
})

test.each([
  ['a/b', true],
  ['#', true],
  ['a/+/#', true],
  ['/', true],
  ['', false],
  ['a/#/b', false],
  ['a/b#', false],
  ['a+/b', false],
])('%s is a filter: %s', (filter, expected) => {
  expect(isFilter(filter)).toBe(expected)
})
