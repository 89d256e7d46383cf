import { expect, test } from 'vitest'
import { createIdContest } from '../../agent/id-contest.ts'

const hourMs = 3_600_000

test('two births of somebody else within an hour are a contest, told once', () => {
  let now = 0
  const contest = createIdContest(() => now)
  contest.own(100)
  expect([contest.seen(100), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(7), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(7), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(8), contest.isOn()]).toEqual([true, true])
  expect([contest.seen(9), contest.isOn()]).toEqual([false, true])
  now = hourMs - 1
  expect(contest.isOn()).toBe(true)
  now = hourMs
  expect(contest.isOn()).toBe(false)
})

test('a birth of our own from before the state was lost is none', () => {
  let now = 0
  const contest = createIdContest(() => now)
  for (const session of [1, 2, 3]) contest.own(session)
  expect(contest.seen(50)).toBe(false)
  now = hourMs
  expect(contest.seen(51)).toBe(false)
  expect(contest.isOn()).toBe(false)
})
