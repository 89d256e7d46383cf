import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRecord as encodeInto, findRecord, recordBytes, type StoredRecord } from '../../src/outbox/record.ts'

const encodeRecord = (record: StoredRecord, seed: number): Buffer => {
  const bytes = Buffer.alloc(recordBytes(record))
  expect(encodeInto(bytes, 0, record, seed)).toBe(bytes.length)
  return bytes
}

const records: fc.Arbitrary<StoredRecord> = fc.record({
  seq: fc.integer({ min: 1, max: 2 ** 47 }),
  atMs: fc.integer({ min: 0, max: 2 ** 43 }),
  monotonicMs: fc.integer({ min: 0, max: 2 ** 43 }),
  topic: fc.string({ unit: 'grapheme', maxLength: 40 }),
  text: fc.dictionary(fc.string(), fc.jsonValue()).map((body) => JSON.stringify(body)),
})

test('what is encoded decodes, whatever lies before and behind it', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.uint8Array(), fc.uint8Array(), (record, seed, before, after) => {
      const encoded = encodeRecord(record, seed)
      const found = findRecord(Buffer.concat([before, encoded, after]), 0, seed)
      expect(found).toEqual({ record, start: before.length, end: before.length + encoded.length })
    }),
  )
})

test('a changed byte, a missing end and the bytes of another file are no record', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (record, seed, at, change) => {
      const encoded = encodeRecord(record, seed)
      expect(findRecord(encoded, 0, seed + 1)).toBeUndefined()
      expect(findRecord(encoded.subarray(0, at % encoded.length), 0, seed)).toBeUndefined()
      const damaged = Buffer.from(encoded)
      damaged[at % encoded.length] = (damaged[at % encoded.length] as number) ^ change
      expect(findRecord(damaged, 0, seed)).toBeUndefined()
    }),
  )
})

test('a record inside the text of another one is never taken for one, whatever is damaged', () => {
  const inner = encodeRecord({ seq: 9, atMs: 1, monotonicMs: 1, topic: 'forged', text: '{}' }, 7)
  const text = JSON.stringify({ text: inner.toString('latin1') })
  const outer = encodeRecord({ seq: 1, atMs: 1, monotonicMs: 1, topic: 'real', text }, 7)
  for (let at = 0; at < outer.length; at += 1) {
    const damaged = Buffer.from(outer)
    damaged[at] = (damaged[at] as number) ^ 1
    expect(findRecord(damaged, 0, 7)).toBeUndefined()
  }
})

test('the next record behind damage is found', () => {
  const one = (seq: number): Buffer => encodeRecord({ seq, atMs: 1, monotonicMs: 1, topic: 't', text: '{"a":1}' }, 3)
  const bytes = Buffer.concat([one(1), one(2), one(3)])
  bytes[one(1).length + 12] = 0xff
  const first = findRecord(bytes, 0, 3)
  const next = findRecord(bytes, first?.end ?? 0, 3)
  expect([first?.record.seq, next?.record.seq]).toEqual([1, 3])
})
