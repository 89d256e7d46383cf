import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogFrame } from '../../agent/engine/engine.ts'
import { createFrameReader } from '../../agent/engine/log-frames.ts'
import { epochSecondsOf, logTime, toLogTime } from '../../agent/engine/log-time.ts'

const time = '2026-01-31T12:00:00.123456789Z'

const message = (stream: 1 | 2, text: Buffer, at = time): Buffer => {
  const body = Buffer.concat([Buffer.from(`${at} `), text])
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

/** Read in pieces of this size, as a network cuts it. */
const readIn = (bytes: Buffer, size: number, isTerminal: boolean, joins: boolean): LogFrame[] => {
  const reader = createFrameReader(isTerminal, joins)
  const frames: LogFrame[] = []
  for (let at = 0; at < bytes.length; at += size) frames.push(...reader.read(bytes.subarray(at, at + size)))
  return [...frames, ...reader.rest()]
}

const saidOn = (frames: readonly LogFrame[], stream: string): string =>
  Buffer.concat(frames.filter((frame) => frame.stream === stream).map(({ bytes }) => bytes)).toString('hex')

test('what was said comes out again, wherever the network cuts it, joined or not', () => {
  const messages = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.uint8Array({ maxLength: 60 }).map(Buffer.from)), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 200 }), fc.boolean(), (said, size, joins) => {
      const frames = readIn(Buffer.concat(said.map(([stream, text]) => message(stream, text))), size, false, joins)
      for (const [name, number] of [
        ['stdout', 1],
        ['stderr', 2],
      ] as const)
        expect(saidOn(frames, name)).toBe(
          Buffer.concat(said.filter(([stream]) => stream === number).map(([, text]) => text)).toString('hex'),
        )
      for (const frame of frames) expect(frame.time).toBe(time)
    }),
  )
})

test('a message longer than memory should hold goes on in pieces', () => {
  const text = Buffer.alloc(10_000_000, 'x')
  const frames = readIn(Buffer.concat([message(1, text), message(2, Buffer.from('next\n'))]), 65_536, false, false)
  expect(Math.max(...frames.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(2 * 65_536)
  expect(frames.at(-1)?.bytes.toString()).toBe('next\n')
  expect(saidOn(frames, 'stdout')).toBe(text.toString('hex'))
})

test('of a terminal there are lines, each with its time', () => {
  const frames = readIn(Buffer.from(`${time} one\r\n${time} two`), 7, true, false)
  expect(frames.map(({ time: at, bytes }) => [at, bytes.toString()])).toEqual([
    [time, 'one\r\n'],
    [time, 'two'],
  ])
})

test.each([
  ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000000000Z'],
  ['2026-01-31T12:00:00.5Z', '2026-01-31T12:00:00.500000000Z'],
  ['2026-01-31T14:00:00.12345678+02:00', '2026-01-31T12:00:00.123456780Z'],
  ['hello', undefined],
])('%s is the time %s', (text, expected) => {
  expect(toLogTime(text)).toBe(expected)
})

test('a time becomes the seconds that the engine takes', () => {
  expect(epochSecondsOf(logTime(1_700_000_000_123))).toBe('1700000000.123000000')
})
