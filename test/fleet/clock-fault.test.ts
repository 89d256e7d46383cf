import { expect, test } from 'vitest'
import { answered } from '../../src/cli/ask-devices.ts'
import { clockFault, retainedClockFault } from '../../src/fleet/clock-fault.ts'

const now = Date.UTC(2026, 11, 1)

test.each([
  [now + 599_999, undefined],
  [now - 3_600_000, 'its clock is 60 minutes behind that of this machine'],
  [now + 86_400_000 * 10, 'its clock is 10 days ahead of that of this machine'],
  [0, 'its clock is 57 years behind that of this machine'],
  [Date.UTC(2106, 11, 1), 'its clock is 80 years ahead of that of this machine'],
])('of an answer at %i it says %s', (at, said) => {
  expect(clockFault(at, now)).toBe(said)
})

test('a retained message may be old, but not from before there was a device, nor from the future', () => {
  expect(retainedClockFault(now - 86_400_000 * 30, now)).toBeUndefined()
  expect(retainedClockFault(4_000, now)).toContain('57 years behind')
  expect(retainedClockFault(now + 3_600_000, now)).toContain('ahead')
})

test('a command that expired names the clock that is wrong', () => {
  const reason = { code: 'command-expired', message: 'late' }
  const reply = { schema: 1 as const, id: 'c', n: 1, final: true, outcome: 'expired' as const, reason }
  expect(() => answered('gw-1', { ...reply, at: Date.UTC(2106, 11, 1) }, now)).toThrow(
    'gw-1: expired: late; its clock is 80 years ahead of that of this machine: set it',
  )
  expect(() => answered('gw-1', { ...reply, at: now }, now)).toThrow(/late$/)
})
