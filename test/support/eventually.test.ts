import { expect, test } from 'vitest'
import { eventually } from './eventually.ts'

test('gives what the probe gives, as soon as it does', async () => {
  let asked = 0
  expect(await eventually('the third time', () => (++asked === 3 ? 'there' : undefined), { everyMs: 1 })).toBe('there')
})

test('a probe that throws is asked again', async () => {
  let asked = 0
  const probe = () => {
    asked += 1
    if (asked < 2) throw new Error('not yet')
    return asked
  }
  expect(await eventually('no error', probe, { everyMs: 1 })).toBe(2)
})

test('zero and the empty text are something', async () => {
  expect(await eventually('zero', () => 0)).toBe(0)
  expect(await eventually('a text', async () => '')).toBe('')
})

test('says what it waited for and what it saw last', async () => {
  const waiting = eventually('the impossible', () => false, { timeoutMs: 20, everyMs: 1 })
  await expect(waiting).rejects.toThrow('waited 20 ms for the impossible; last seen: false')
  const failing = eventually('an answer', () => Promise.reject(new Error('refused')), { timeoutMs: 20, everyMs: 1 })
  await expect(failing).rejects.toThrow(/waited 20 ms for an answer; last seen: Error: refused/)
})
