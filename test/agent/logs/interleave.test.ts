import { expect, test } from 'vitest'
import type { LogFrame } from '../../../agent/engine/engine.ts'
import { createInterleaver, type LogItem } from '../../../agent/logs/interleave.ts'

const frame = (second: number, text: string): LogFrame => ({
  stream: 'stdout',
  time: `2026-01-01T00:00:0${second}.000000000Z`,
  bytes: Buffer.from(text),
})

async function* portions(...given: LogFrame[][]): AsyncGenerator<LogFrame[]> {
  for (const portion of given) yield portion
}

async function* silence(): AsyncGenerator<LogFrame[]> {
  await new Promise(() => undefined)
}

const newInterleaver = (patienceMs = Number.POSITIVE_INFINITY) => createInterleaver(patienceMs, () => performance.now())

const textsOf = async (next: () => Promise<LogItem | undefined>): Promise<string> => {
  let text = ''
  for (let item = await next(); item !== undefined; item = await next())
    text += item.kind === 'fault' ? `(${item.source} failed)` : Buffer.concat(item.frames.map(({ bytes }) => bytes))
  return text
}

test('lines come in order of time, whatever portions they come in', async () => {
  const { add, close, next } = newInterleaver()
  add({ name: 'a', frames: portions([frame(1, '1\n'), frame(3, '3\n')], [frame(6, '6\n')]) })
  add({ name: 'b', frames: portions([frame(2, '2\n')], [frame(4, '4\n'), frame(5, '5\n'), frame(7, '7\n')]) })
  close()
  expect(await textsOf(next)).toBe('1\n2\n3\n4\n5\n6\n7\n')
})

test('a line that comes in pieces is not broken by an earlier one of another', async () => {
  const { add, close, next } = newInterleaver()
  add({ name: 'a', frames: portions([frame(1, 'be')], [frame(5, 'gun\n')]) })
  add({ name: 'b', frames: portions([frame(2, 'other\n')]) })
  close()
  expect(await textsOf(next)).toBe('begun\nother\n')
})

test('one that is silent holds nobody up for longer than the patience', async () => {
  const { add, next, stop } = newInterleaver(20)
  add({ name: 'a', frames: silence() })
  add({ name: 'b', frames: portions([frame(1, 'here\n')]) })
  expect(await next()).toMatchObject({ source: 'b' })
  const ended = next()
  stop()
  expect(await ended).toBeUndefined()
})

test('one that fails is told of, and the others go on', async () => {
  const { add, close, next } = newInterleaver()
  // biome-ignore lint/correctness/useYield: it fails before it says anything
  const broken = async function* (): AsyncGenerator<LogFrame[]> {
    throw new Error('no')
  }
  add({ name: 'a', frames: broken() })
  add({ name: 'b', frames: portions([frame(1, 'here')]) })
  close()
  expect(await textsOf(next)).toBe('(a failed)here')
})
