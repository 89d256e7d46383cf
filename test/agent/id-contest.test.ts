import { expect, test } from 'vitest'
import { createIdContest } from '../../agent/id-contest.ts'

const hourMs = 3_600_000

const open = (monotonicMs: () => number) => createIdContest({ instance: 'a', before: 40, monotonicMs })

test('two births of somebody else within an hour are a contest, told once', () => {
  let now = 0
  const contest = open(() => now)
  contest.own(100)
  expect([contest.seen({ session: 100 }), contest.isOn()]).toEqual([false, false])
  expect([contest.seen({ session: 7 }), contest.isOn()]).toEqual([false, false])
  expect([contest.seen({ session: 7 }), contest.isOn()]).toEqual([false, false])
  expect([contest.seen({ session: 8 }), contest.isOn()]).toEqual([true, true])
  expect([contest.seen({ session: 9 }), contest.isOn()]).toEqual([false, true])
  now = hourMs - 1
  expect(contest.isOn()).toBe(true)
  now = hourMs
  expect(contest.isOn()).toBe(false)
})

test('a birth of our own from before the state was lost is none', () => {
  let now = 0
  const contest = open(() => now)
  for (const session of [1, 2, 3]) contest.own(session)
  expect(contest.seen({ session: 50 })).toBe(false)
  now = hourMs
  expect(contest.seen({ session: 51 })).toBe(false)
  expect(contest.isOn()).toBe(false)
})

test('copied state counts from the same number: the process tells them apart', () => {
  const contest = open(() => 0)
  for (const session of [41, 42]) contest.own(session)
  // What the process before this one left, and what this one said.
  expect(contest.seen({ session: 40, instance: 'before' })).toBe(false)
  expect(contest.seen({ session: 42, instance: 'a' })).toBe(false)
  expect(contest.seen({ session: 41, instance: 'b' })).toBe(false)
  expect(contest.seen({ session: 42, instance: 'b' })).toBe(true)
})
