import { expect, test } from 'vitest'
import { createDoor } from '../../broker/door.ts'

const limits = { maxConnections: 3, maxConnectionsPerAddress: 2, maxConnectRate: 100 }

const limitOf = (admission: { ok: boolean; limit?: string }) => (admission.ok ? 'in' : admission.limit)

test('connections of one address, then in all; who leaves makes room', () => {
  const door = createDoor(limits)
  expect(['a', 'a', 'a', 'b', 'c'].map((address) => limitOf(door.enter(address, 0)))).toEqual([
    'in',
    'in',
    'maxConnectionsPerAddress',
    'in',
    'maxConnections',
  ])
  door.leave('a')
  expect(limitOf(door.enter('c', 0))).toBe('in')
  expect(door.connections()).toBe(3)
})

test('twice the rate at once, then the rate', () => {
  const door = createDoor({ maxConnections: 1_000, maxConnectionsPerAddress: 1_000, maxConnectRate: 10 })
  const enterMany = (count: number, nowMs: number) =>
    Array.from({ length: count }, () => door.enter('a', nowMs)).filter(({ ok }) => ok).length
  expect(enterMany(50, 1_000)).toBe(20)
  expect(enterMany(50, 1_500)).toBe(5)
  expect(enterMany(50, 60_000)).toBe(20)
})
