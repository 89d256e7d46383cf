import { expect, test } from 'vitest'
import { createIdContest } from '../../agent/id-contest.ts'

const hourMs = 3_600_000

const open = (monotonicMs: () => number) => createIdContest({ instance: 'a', before: 40, monotonicMs })

const birth = (session: number, instance?: string) => ({ session, instance, online: true })

test('two births of somebody else within an hour are a contest, told once', () => {
  let now = 0
  const contest = open(() => now)
  contest.own(100)
  expect([contest.seen(birth(100)), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(birth(7)), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(birth(7)), contest.isOn()]).toEqual([false, false])
  expect([contest.seen(birth(8)), contest.isOn()]).toEqual([true, true])
  expect([contest.seen(birth(9)), contest.isOn()]).toEqual([false, true])
  now = hourMs - 1
  expect(contest.isOn()).toBe(true)
  now = hourMs
  expect(contest.isOn()).toBe(false)
})

test('a birth of our own from before the state was lost is none', () => {
  let now = 0
  const contest = open(() => now)
  for (const session of [1, 2, 3]) contest.own(session)
  expect(contest.seen(birth(50))).toBe(false)
  now = hourMs
  expect(contest.seen(birth(51))).toBe(false)
  expect(contest.isOn()).toBe(false)
})

test('copied state counts from the same number: the process tells them apart', () => {
  const contest = open(() => 0)
  for (const session of [41, 42]) contest.own(session)
  // What the process before this one left, and what this one said.
  for (const session of [38, 39, 40]) expect(contest.seen(birth(session, 'before'))).toBe(false)
  expect(contest.seen(birth(42, 'a'))).toBe(false)
  expect(contest.seen(birth(41, 'b'))).toBe(false)
  expect(contest.seen(birth(42, 'b'))).toBe(true)
})

test('the wills of another process count, which brokers put in place of its births; those of no process may be our own', () => {
  const contest = open(() => 0)
  const will = (session: number, instance?: string) => ({ session, instance, online: false })
  for (const session of [1, 2, 3]) expect(contest.seen(will(session))).toBe(false)
  expect(contest.seen(will(39, 'a'))).toBe(false)
  expect(contest.seen(will(41, 'b'))).toBe(false)
  expect(contest.seen(will(42, 'b'))).toBe(true)
})
