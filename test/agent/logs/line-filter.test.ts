import { expect, test } from 'vitest'
import type { LogFrame } from '../../../agent/engine/engine.ts'
import { createLineFilter } from '../../../agent/logs/line-filter.ts'

const frame = (text: string, stream: LogFrame['stream'] = 'stdout'): LogFrame => ({
  stream,
  time: '',
  bytes: Buffer.from(text),
})

const textOf = (frames: readonly LogFrame[]): string => frames.map(({ bytes }) => bytes.toString()).join('')

test('lines that match pass, with all their pieces; end and return are no part of them', () => {
  const keep = createLineFilter('^an? error$')
  expect(textOf(keep('web', [frame('an error\r\n'), frame('fine\n'), frame('an err')]))).toBe('an error\r\n')
  expect(textOf(keep('api', [frame('or\n')]))).toBe('')
  expect(textOf(keep('web', [frame('a', 'stderr'), frame('or\n'), frame(' error\n', 'stderr')]))).toBe(
    'an error\na error\n',
  )
})

test('of a long line the beginning decides', () => {
  const keep = createLineFilter('needle')
  const long = 'x'.repeat(40_000)
  expect(keep('web', [frame(`needle${long}`), frame(long), frame(`${long}\n`)])).toHaveLength(3)
  expect(keep('web', [frame(long), frame(long), frame('needle\n')])).toHaveLength(0)
  expect(keep('web', [frame('a needle\n')])).toHaveLength(1)
})

test('an expression that never ends is given up before anybody misses the agent', () => {
  const keep = createLineFilter('^(a+)+$')
  const startedAt = performance.now()
  expect(() => keep('web', [frame(`${'a'.repeat(5_000)}b\n`)])).toThrow(
    expect.objectContaining({ code: 'pattern-too-slow' }),
  )
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})

test('what is no expression is refused', () => {
  expect(() => createLineFilter('(')).toThrow(expect.objectContaining({ code: 'message-invalid', path: 'grep' }))
})
