import { describe, expect, test } from 'vitest'
import {
  addressesOf,
  addressIndex,
  afterFailure,
  afterLoss,
  isBrokerUrl,
  noAttempts,
  pauseMs,
  shownAddress,
} from '../../src/link/addresses.ts'

test.each([
  ['mqtt://a', ['mqtt://a'], true],
  [' mqtts://a:8883 , wss://b/mqtt ', ['mqtts://a:8883', 'wss://b/mqtt'], true],
  ['mqtt://a,', ['mqtt://a'], true],
  ['mqtt://a,http://b', ['mqtt://a', 'http://b'], false],
  ['mqtt:///a', ['mqtt:///a'], false],
  ['', [], false],
])('%j', (url, addresses, isValid) => {
  expect(addressesOf(url)).toEqual(addresses)
  expect(isBrokerUrl(url)).toBe(isValid)
})

test.each([
  ['mqtt://broker.local:1883', 'mqtt://broker.local:1883'],
  ['mqtts://gw-1:s%40cret@broker.local/x@y', 'mqtts://broker.local/x@y'],
  ['mqtt://a:b@one,wss://c:d@two/mqtt', 'mqtt://one,wss://two/mqtt'],
  ['wss://iot.local/mqtt?token=s3cret,mqtt://b', 'wss://iot.local/mqtt,mqtt://b'],
])('%s is shown without user, password and query', (url, shown) => {
  expect(shownAddress(url)).toBe(shown)
})

const backOffs = { backOff: { baseMs: 500, capMs: 60_000 }, refusedBackOff: { baseMs: 5_000, capMs: 300_000 } }

/** The longest pause and the next address, after each of so many failures. */
const story = (count: number, refusals: readonly boolean[]): string[] => {
  let attempts = noAttempts
  return refusals.map((isRefused) => {
    attempts = afterFailure(attempts, count, isRefused)
    return `${pauseMs(attempts, count, backOffs, 1)} ms, ${addressIndex(attempts, count)}`
  })
}

describe('what comes after a failure', () => {
  test('of the only address: it again, with longer and longer pauses', () => {
    expect(story(1, [false, false, false])).toEqual(['1000 ms, 0', '2000 ms, 0', '4000 ms, 0'])
  })

  test('of one of three: the next with little pause, and a longer pause only when all were tried', () => {
    expect(story(3, Array(6).fill(false))).toEqual([
      ...['500 ms, 1', '500 ms, 2', '1000 ms, 0', '500 ms, 1', '500 ms, 2', '2000 ms, 0'],
    ])
  })

  test('by a refusal: slowly, also when only one of two refused', () => {
    expect(story(1, [true, false])).toEqual(['10000 ms, 0', '2000 ms, 0'])
    expect(story(2, [true, false, false, false])).toEqual([...['500 ms, 1', '10000 ms, 0', '500 ms, 1', '2000 ms, 0']])
  })

  test('of a connection that stood: the preferred address, as after a first failure', () => {
    const attempts = afterLoss(3)
    expect(addressIndex(attempts, 3)).toBe(0)
    expect(pauseMs(attempts, 3, backOffs, 1)).toBe(1_000)
  })
})
