import { expect, test } from 'vitest'
import { doClash, hostPortOf, hostPortText, isHostPortRange } from '../../src/compose/host-ports.ts'
import type { Port } from '../../src/compose/model.ts'

const port = (published: Port['published'], rest: Partial<Port> = {}) =>
  hostPortOf({ target: 80, protocol: 'tcp', ...(published === undefined ? {} : { published }), ...rest })

test.each([
  [80, 80, true],
  [80, 81, false],
  [80, '79-81', true],
  [80, '81-82', false],
  ['80-82', '81-83', false],
  ['80-82', '80-82', false],
] as const)('%s and %s clash: %s', (one, other, expected) => {
  const [a, b] = [port(one), port(other)]
  if (a === undefined || b === undefined) throw new Error('both are published')
  expect([doClash(a, b), doClash(b, a)]).toEqual([expected, expected])
})

test.each([
  ['127.0.0.1', '127.0.0.2', false],
  ['127.0.0.1', '0.0.0.0', true],
  ['127.0.0.1', undefined, true],
  ['127.0.0.1', '::', false],
  ['::1', '::', true],
] as const)('on %s and %s one port clashes: %s', (one, other, expected) => {
  const at = (host_ip: string | undefined) => port(80, host_ip === undefined ? {} : { host_ip })
  const [a, b] = [at(one), at(other)]
  if (a === undefined || b === undefined) throw new Error('both are published')
  expect(doClash(a, b)).toBe(expected)
})

test('none or 0 is one that the engine chooses', () => {
  expect([port(undefined), port(0)]).toEqual([undefined, undefined])
})

test('a port and a range as people write them', () => {
  expect([port(80), port('80-82', { protocol: 'udp' })].map((one) => one && hostPortText(one))).toEqual([
    '80/tcp',
    '80-82/udp',
  ])
})

test.each([
  ['1-2', true],
  ['2-1', false],
  ['2-2', false],
  ['0-2', false],
  ['65535-65536', false],
])('%s is a range: %s', (text, expected) => {
  expect(isHostPortRange(text)).toBe(expected)
})
