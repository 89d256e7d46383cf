import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createStatePublisher } from '../../agent/state-publisher.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const kb = (count: number) => ({ text: 'x'.repeat(count * 1_000) })

/** A broker that ends the connection over more than `limit` bytes; the device connects again after `pauseMs`. */
const open = ({ limit = Number.POSITIVE_INFINITY, maxBytes = 262_144, saysLimit = false } = {}) => {
  let isFlapping = false
  const log: { code: string; topic: string; msg: string }[] = []
  const taken: string[] = []
  let losses = 0
  const publisher = createStatePublisher({
    publish: async (topic, payload) => {
      // Answers of a broker come later than the call.
      await Promise.resolve()
      if (payload.byteLength <= limit && !isFlapping)
        return void taken.push(`${topic} ${Math.round(payload.byteLength / 1000)}`)
      if (saysLimit) throw new LongshoreError('payload-too-large', 'the broker says so')
      losses += 1
      publisher.setConnected(false)
      throw new LongshoreError('link-down', 'lost')
    },
    maxBytes,
    monotonicMs: () => performance.now(),
    log: pino({ level: 'warn' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
  })
  const publish = (topic: string, ...sizes: number[]) =>
    publisher.publish(topic, sizes.map(kb)).then(
      () => 'done',
      () => 'again',
    )
  /** As the agent does it on each connection, for so long. */
  const connection = async (topics: Record<string, number[]>, forMs = 10_000) => {
    publisher.setConnected(true)
    const sent = Promise.all(Object.entries(topics).map(([topic, sizes]) => publish(topic, ...sizes)))
    await vi.advanceTimersByTimeAsync(forMs)
    publisher.setConnected(false)
    await vi.advanceTimersByTimeAsync(1_000)
    return sent
  }
  const flap = (is: boolean): void => {
    isFlapping = is
  }
  return { connection, flap, log, taken, losses: () => losses }
}

test('a message that breaks each connection is set aside, in favour of a shorter form, and said with what to do', async () => {
  const { connection, taken, losses, log } = open({ limit: 10_000 })
  for (let count = 0; count < 6; count += 1) expect(await connection({ 'reported/shop': [20, 5] })).toEqual(['again'])
  expect(log).toMatchObject([{ code: 'payload-too-large', topic: 'reported/shop' }])
  expect(log[0]?.msg).toContain('set maxBytes')
  expect(await connection({ 'reported/shop': [20, 5] })).toEqual(['done'])
  expect(taken).toEqual(['reported/shop 5'])
  await connection({ 'reported/shop': [20, 5], inventory: [30] })
  expect(losses()).toBe(7)
})

test('what has no shorter form is left out, and the rest goes on', async () => {
  const { connection, taken, losses, log } = open({ limit: 10_000 })
  for (let count = 0; count < 10; count += 1)
    await connection({ 'reported/a': [1], inventory: [20], 'reported/b': [1] })
  expect(losses()).toBe(6)
  expect(log).toHaveLength(1)
  expect(taken.filter((one) => one === 'reported/b 1').length).toBeGreaterThanOrEqual(7)
})

test('it is tried again after a day: the broker may be set otherwise', async () => {
  const { connection, losses } = open({ limit: 10_000 })
  for (let count = 0; count < 8; count += 1) await connection({ inventory: [20] })
  expect(losses()).toBe(6)
  vi.advanceTimersByTime(86_400_000)
  await connection({ inventory: [20] })
  expect(losses()).toBe(7)
})

test('a link that flaps makes no message too large', async () => {
  const { connection, flap, log, taken } = open()
  flap(true)
  for (let count = 0; count < 50; count += 1) await connection({ inventory: [1] }, 2_000)
  expect(log).toEqual([])
  flap(false)
  await connection({ inventory: [1] })
  expect(taken).toEqual(['inventory 1'])
})

test('what is longer than maxBytes is not sent at all, which is said once', async () => {
  const { connection, taken, log, losses } = open({ limit: 10_000, maxBytes: 10_000 })
  for (let count = 0; count < 3; count += 1) await connection({ 'reported/shop': [20, 5] })
  expect(taken).toEqual(['reported/shop 5', 'reported/shop 5', 'reported/shop 5'])
  expect(losses()).toBe(0)
  expect(log).toHaveLength(1)
})

test('what the broker said it does not take is set aside at once', async () => {
  const { connection, taken, losses } = open({ limit: 10_000, saysLimit: true })
  expect(await connection({ 'reported/shop': [20, 5] })).toEqual(['done'])
  expect(taken).toEqual(['reported/shop 5'])
  expect(losses()).toBe(0)
})
