import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogFrame } from '../../../agent/engine/engine.ts'
import { createCollector } from '../../../agent/logs/chunk-entries.ts'
import type { LogEntry } from '../../../src/protocol/log.ts'
import { writePayload } from '../../../src/protocol/payload.ts'

const time = '2026-01-01T00:00:00.000000000Z'

const takeAll = (collector: ReturnType<typeof createCollector>, mostBytes: number): LogEntry[][] => {
  const chunks: LogEntry[][] = []
  while (!collector.isEmpty()) chunks.push(collector.take(mostBytes))
  return chunks
}

const bytesOf = (entries: readonly LogEntry[], source: string): Buffer =>
  Buffer.concat(
    entries.flatMap((entry) => {
      if ('fault' in entry || entry.source !== source) return []
      return [entry.text === undefined ? Buffer.from(entry.base64 ?? '', 'base64') : Buffer.from(entry.text)]
    }),
  )

test('any bytes survive, in chunks that fit', () => {
  const said = fc.array(
    fc.tuple(
      fc.constantFrom('web-1', 'api-1'),
      fc.oneof(
        fc.string({ maxLength: 300 }).map((text) => Buffer.from(text)),
        fc.uint8Array().map(Buffer.from),
      ),
    ),
  )
  fc.assert(
    fc.property(said, fc.integer({ min: 200, max: 2_000 }), (pieces, mostBytes) => {
      const collector = createCollector(false)
      for (const [source, bytes] of pieces) collector.add(source, [{ stream: 'stdout', time, bytes }])
      const chunks = takeAll(collector, mostBytes)
      expect(collector.bytes()).toBe(0)
      for (const chunk of chunks) expect(writePayload(chunk).length).toBeLessThanOrEqual(2 * mostBytes)
      for (const source of ['web-1', 'api-1'])
        expect(bytesOf(chunks.flat(), source).toString('hex')).toBe(
          Buffer.concat(pieces.filter(([of]) => of === source).map(([, bytes]) => bytes)).toString('hex'),
        )
    }),
  )
})

test('text stays text: it is cut behind a line, or between two characters', () => {
  const collector = createCollector(false)
  const frame = (text: string): LogFrame => ({ stream: 'stdout', time, bytes: Buffer.from(text) })
  collector.add('web-1', [frame('first line\n'.repeat(20)), frame('ü'.repeat(500))])
  const chunks = takeAll(collector, 300)
  expect(chunks.flat().every((entry) => 'text' in entry)).toBe(true)
  expect(chunks[0]).toEqual([{ source: 'web-1', stream: 'stdout', text: 'first line\n'.repeat(15) }])
})

test('the time before a line is never cut', () => {
  for (let mostBytes = 200; mostBytes < 600; mostBytes += 1) {
    const collector = createCollector(true)
    for (const source of ['web-1', 'api-1', 'db-1'])
      collector.add(source, [{ stream: 'stdout', time, bytes: Buffer.from(`${'x'.repeat(40)}\n`) }])
    for (const entry of takeAll(collector, mostBytes).flat())
      expect('text' in entry && entry.text).not.toMatch(/^(?!x*\n$)(?!2026-01-01T00:00:00.000000000Z )/)
  }
})

test('each line begins with its time where that is asked for, a piece of one does not', () => {
  const collector = createCollector(true)
  const frames = ['a\n', 'b', 'c\n', 'd\n'].map((text) => ({
    stream: 'stdout' as const,
    time,
    bytes: Buffer.from(text),
  }))
  collector.add('web-1', frames)
  expect(bytesOf(collector.take(10_000), 'web-1').toString()).toBe(`${time} a\n${time} bc\n${time} d\n`)
})
