import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MeterState, meterChunk, meterStart } from '../../broker/packet-meter.ts'

const maxPacketBytes = 1_000

const meterAll = (chunks: readonly Uint8Array[], limit = maxPacketBytes): MeterState =>
  chunks.reduce((state, chunk) => meterChunk(state, chunk, limit), meterStart)

/** A packet of any type with a remaining length written in as few bytes as can be. */
const packetOf = (bodyBytes: number): Buffer =>
  Buffer.concat([Buffer.from([0x30]), lengthOf(bodyBytes), Buffer.alloc(bodyBytes, 0xff)])

const cut = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const places = [0, ...cuts.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index] ?? 0, end))
}

const cutsArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })

describe('meterChunk', () => {
  test('gives the same answer wherever any bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        cutsArbitrary,
        fc.integer({ min: 2, max: 400 }),
        (bytes, cuts, limit) => {
          expect(meterAll(cut(bytes, cuts), limit)).toEqual(meterAll([bytes], limit))
        },
      ),
      { numRuns: 4_000 },
    )
  })

  test('lets whole packets pass however they are cut, and ends where the next one begins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: maxPacketBytes - 3 }), { maxLength: 8 }),
        cutsArbitrary,
        (sizes, cuts) => {
          expect(meterAll(cut(Buffer.concat(sizes.map(packetOf)), cuts))).toEqual(meterStart)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('refuses the first packet over the limit by its header alone, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 5 }),
        fc.integer({ min: maxPacketBytes, max: 268_435_455 }),
        cutsArbitrary,
        (sizes, tooLong, cuts) => {
          const whole = Buffer.concat([...sizes.map(packetOf), Buffer.from([0x30]), lengthOf(tooLong)])
          const packetBytes = 1 + lengthOf(tooLong).length + tooLong
          expect(meterAll(cut(whole, cuts))).toEqual({ kind: 'too-long', packetBytes })
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('counts the header: a packet of exactly the limit passes, one more byte does not', () => {
    expect(meterAll([packetOf(maxPacketBytes - 3)])).toEqual(meterStart)
    expect(meterAll([packetOf(maxPacketBytes - 2)])).toEqual({ kind: 'too-long', packetBytes: maxPacketBytes + 1 })
  })

  test('refuses a length of more than four bytes', () => {
    expect(meterAll([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])])).toEqual({ kind: 'malformed' })
  })

  test('stays refused', () => {
    const refused = meterAll([Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])])
    expect(meterChunk(refused, packetOf(0), maxPacketBytes)).toEqual(refused)
  })
})

const lengthOf = (bodyBytes: number): Buffer => {
  const length: number[] = []
  let left = bodyBytes
  do {
    length.push((left % 128) | (left >= 128 ? 128 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.from(length)
}
