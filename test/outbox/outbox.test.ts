/** What a producer, a broker and a person who reads the counts see of the queue. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDeduplicator } from '../../src/fleet/deduplicate.ts'
import type { Outbox } from '../../src/outbox/contract.ts'
import { type MessageClass, messageClasses } from '../../src/protocol/queued.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { eventually } from '../support/eventually.ts'
import { diskFullError, memoryOutboxFiles } from '../support/memory-outbox-files.ts'
import {
  drain,
  linkDown,
  numbered,
  openTestOutbox,
  type Sent,
  type TestClock,
  testBroker,
  testClock,
  untilDrained,
} from '../support/test-outbox.ts'

const appendMany = (outbox: Outbox, messageClass: MessageClass, count: number, padding = 0): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => outbox.append(messageClass, numbered(index + 1, padding))))

const ofClass = (sent: readonly Sent[], messageClass: MessageClass): number[] =>
  sent.filter((one) => one.class === messageClass && one.dropped === undefined).map(({ seq }) => seq)

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** On a connection that holds. */
const drainLater = async (outbox: Outbox, clock: TestClock): Promise<Sent[]> => {
  const broker = testBroker()
  outbox.start(broker.publish)
  outbox.setConnected(true)
  clock.monotonicMs += 2_000
  outbox.setConnected(true)
  await untilDrained(outbox)
  return broker.sent
}

const droppedIn = (sent: readonly Sent[]) => sent.flatMap(({ dropped }) => (dropped === undefined ? [] : [dropped]))

describe('sending', () => {
  test('what was appended comes with class, epoch, seq and at before its own fields, in order, the most important first', async () => {
    const clock = testClock()
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), clock })
    for (const one of [...messageClasses].reverse()) await appendMany(outbox, one, 3)
    const { epoch } = outbox.counts()
    expect(epoch).toBe(1_800_000_000)
    const sent = await drain(outbox)
    expect(sent).toEqual(
      messageClasses.flatMap((one) =>
        upTo(3).map((n) => ({ topic: 'a/topic', class: one, epoch, seq: n, at: clock.nowMs, n, padding: '' })),
      ),
    )
    expect(outbox.counts().classes.event).toMatchObject({ appended: 3, sent: 3, inMemory: 0, isEmpty: true })
  })

  test.each(['event', 'telemetry'] as const)(
    'no more %s messages are in flight than the window',
    async (messageClass) => {
      const broker = testBroker(() => 'wait')
      const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { maxInFlight: 5 } })
      outbox.start(broker.publish)
      outbox.setConnected(true)
      await appendMany(outbox, messageClass, 40)
      await eventually('a full window', () => broker.open.length === 5)
      expect(outbox.counts()).toMatchObject({ inFlight: 5 })
      for (let answered = 0; answered < 40; answered += 1) {
        const next = await eventually('the next message', () => broker.open.shift(), { everyMs: 1 })
        next.acknowledge()
      }
      await untilDrained(outbox)
      expect(ofClass(broker.sent, messageClass)).toEqual(upTo(40))
    },
  )

  test('the rate has a cap', async () => {
    const clock = testClock()
    const broker = testBroker()
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), clock, limits: { recordsPerSecond: 20 } })
    await appendMany(outbox, 'event', 10)
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await eventually('the first', () => broker.sent.length === 1)
    clock.monotonicMs += 100
    await eventually('two more', () => broker.sent.length === 3)
    await new Promise((resolve) => setImmediate(resolve))
    expect(broker.sent).toHaveLength(3)
  })

  test('nothing is sent while the link is down, and what had no answer is sent again in its order', async () => {
    const broker = testBroker(() => 'wait')
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { maxInFlight: 4 } })
    outbox.start(broker.publish)
    await appendMany(outbox, 'event', 6)
    expect(broker.sent).toEqual([])
    outbox.setConnected(true)
    await eventually('a full window', () => broker.open.length === 4)
    broker.open[1]?.acknowledge()
    await eventually('one more in the window', () => broker.open.length === 5)
    for (const { reject } of broker.open) reject(linkDown())
    outbox.setConnected(false)
    const again = await drain(outbox)
    expect(ofClass(again, 'event')).toEqual([1, 3, 4, 5, 6])
  })

  test('a broker that acknowledges twice, and late, changes nothing', async () => {
    const broker = testBroker(() => 'wait')
    const outbox = await openTestOutbox({ files: memoryOutboxFiles() })
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await appendMany(outbox, 'event', 2)
    await eventually('both in flight', () => broker.open.length === 2)
    outbox.setConnected(false)
    outbox.setConnected(true)
    await eventually('both sent again', () => broker.open.length === 4)
    for (const { acknowledge } of [...broker.open, ...broker.open]) acknowledge()
    await untilDrained(outbox)
    expect(outbox.counts().classes.event.sent).toBe(2)
  })

  test('a broker that never acknowledges fills the window and no more; memory stays bounded', async () => {
    const clock = testClock()
    const broker = testBroker(() => 'wait')
    const outbox = await openTestOutbox({
      files: memoryOutboxFiles(),
      clock,
      limits: { maxInFlight: 8, flushIntervalMs: 1 },
    })
    outbox.start(broker.publish)
    outbox.setConnected(true)
    for (let round = 0; round < 10; round += 1) {
      await appendMany(outbox, 'event', 500)
      await appendMany(outbox, 'telemetry', 500, 200)
      clock.monotonicMs += 100
    }
    await eventually('telemetry on disk', () => outbox.counts().classes.telemetry.bytesOnDisk > 500_000)
    const { classes, inFlight, oldestInFlightMs } = outbox.counts()
    expect(inFlight).toBe(8)
    expect(oldestInFlightMs).toBeGreaterThan(500)
    expect(classes.event.inMemory).toBeLessThanOrEqual(256)
    expect(broker.sent.length).toBeLessThanOrEqual(16)
    outbox.setConnected(false)
    const sent = await drain(outbox)
    expect(ofClass(sent, 'event')).toEqual(upTo(5_000))
    expect(ofClass(sent, 'telemetry')).toEqual(upTo(5_000))
  })
})

describe('poison', () => {
  const refuse = (n: number) => (sent: Sent) =>
    sent.n === n ? new LongshoreError('publish-refused', 'the broker does not like it') : 'acknowledge'

  test('what the broker refuses again and again is set aside, told of, and holds up nothing', async () => {
    const files = memoryOutboxFiles()
    const broker = testBroker(refuse(3))
    const outbox = await openTestOutbox({ files, limits: { maxTries: 4 } })
    await appendMany(outbox, 'event', 5)
    outbox.start(broker.publish)
    outbox.setConnected(true)
    const { epoch } = outbox.counts()
    await eventually('the report', () => droppedIn(broker.sent).length === 1)
    expect(broker.sent.filter(({ n }) => n === 3)).toHaveLength(4)
    expect(droppedIn(broker.sent)).toEqual([{ class: 'event', epoch, from: 3, to: 3, count: 1, reason: 'poison' }])
    await untilDrained(outbox)
    expect(new Set(ofClass(broker.sent, 'event'))).toEqual(new Set([1, 2, 3, 4, 5]))
    expect(outbox.counts().classes.event).toMatchObject({ sent: 4, dropped: { poison: 1 } })
    const name = await eventually('the file', () => files.names().find((one) => one.startsWith('aside-')))
    expect(files.contentOf(name).toString()).toBe('a/topic\n{"n":3,"padding":""}\n')
  })

  test('what a broker has no room for now is sent when it has, however often it said so', async () => {
    let refusals = 0
    const busy = new LongshoreError('broker-busy', 'a quota is used up')
    const broker = testBroker(() => (++refusals <= 30 ? busy : 'acknowledge'))
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { maxTries: 3 } })
    await appendMany(outbox, 'event', 2)
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await untilDrained(outbox)
    expect(outbox.counts().classes.event).toMatchObject({ sent: 2, dropped: {} })
  })

  test('what a broker says is too large is set aside at once', async () => {
    const tooLarge = new LongshoreError('payload-too-large', 'the broker takes no more than 10 kB')
    const broker = testBroker(({ n }) => (n === 1 ? tooLarge : 'acknowledge'))
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { retryMs: 60_000 } })
    await appendMany(outbox, 'event', 2)
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await untilDrained(outbox)
    expect(broker.sent.filter(({ n }) => n === 1)).toHaveLength(1)
    expect(outbox.counts().classes.event).toMatchObject({ sent: 1, dropped: { poison: 1 } })
  })

  test('a class whose message waits for another try holds up no other class', async () => {
    const broker = testBroker(refuse(1))
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { retryMs: 60_000 } })
    await appendMany(outbox, 'alarm', 2)
    await appendMany(outbox, 'event', 2)
    outbox.start((message) =>
      JSON.parse(message.payload.toString()).class === 'alarm'
        ? broker.publish(message)
        : testBroker().publish(message),
    )
    outbox.setConnected(true)
    await eventually('the events', () => outbox.counts().classes.event.sent === 2)
  })

  test('a message that breaks the connection each time is found, set aside, and no other is', async () => {
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { maxTries: 3 } })
    await appendMany(outbox, 'event', 9)
    const acknowledged: (number | undefined)[] = []
    let isUp = false
    outbox.start(async ({ payload }) => {
      const { n } = JSON.parse(payload.toString()) as Sent
      await undefined
      if (n === 4) isUp = false
      if (!isUp) {
        outbox.setConnected(false)
        throw linkDown()
      }
      acknowledged.push(n)
    })
    await eventually('all but one acknowledged', () => {
      isUp = true
      outbox.setConnected(true)
      return outbox.counts().classes.event.isEmpty
    })
    expect(outbox.counts().classes.event).toMatchObject({ sent: 8, dropped: { poison: 1 } })
    expect(new Set(acknowledged)).toContain(9)
    expect(acknowledged).not.toContain(4)
  })

  test('a link that breaks before anything is acknowledged makes no message poison, however often', async () => {
    const clock = testClock()
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), clock, limits: { retryMs: 1_000 } })
    await appendMany(outbox, 'event', 3)
    const broker = testBroker(() => 'wait')
    outbox.start(broker.publish)
    for (let round = 0; round < 50; round += 1) {
      outbox.setConnected(true)
      clock.monotonicMs += 1_500
      outbox.setConnected(false)
    }
    expect(broker.sent.length).toBeGreaterThan(2)
    expect(ofClass(await drainLater(outbox, clock), 'event')).toEqual([1, 2, 3])
    expect(outbox.counts().classes.event).toMatchObject({ sent: 3, dropped: {} })
  })

  test('a kill soon after does not keep from being told what was dropped', async () => {
    const files = memoryOutboxFiles()
    const broker = testBroker(refuse(3))
    const outbox = await openTestOutbox({ files, limits: { maxTries: 1, reportDropsMs: 60_000 } })
    await appendMany(outbox, 'event', 5)
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await eventually('it to be noted that all is settled', () => files.names().includes('cursor.json'))
    const sent = await drain(await openTestOutbox({ files: files.afterKill() }))
    const told = [...broker.sent, ...sent]
    expect(droppedIn(told)).toMatchObject([{ class: 'event', from: 3, to: 3, count: 1, reason: 'poison' }])
    expect(ofClass(sent, 'event')).toEqual([])
  })

  test('a message that is too large is refused at once and counted', async () => {
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: { maxMessageBytes: 1_000 } })
    await expect(outbox.append('event', numbered(1, 1_000))).rejects.toHaveProperty('code', 'payload-too-large')
    expect(outbox.counts().classes.event.dropped).toEqual({ poison: 1 })
  })
})

describe('the cap', () => {
  const small = { capBytes: 100_000, segmentBytes: 4_000, flushIntervalMs: 1 }

  test('the oldest of the least important go, all of them are counted and told of', async () => {
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, limits: small })
    for (let round = 0; round < 40; round += 1) {
      await appendMany(outbox, 'telemetry', 50, 100)
      await eventually('a flush', () => outbox.counts().classes.telemetry.inMemory <= 256)
    }
    await appendMany(outbox, 'event', 100, 100)
    const bytes = files.names().reduce((sum, name) => sum + files.contentOf(name).length, 0)
    expect(bytes).toBeLessThan(small.capBytes + 10_000)
    const { epoch, classes } = outbox.counts()
    expect(classes.event.dropped).toEqual({})
    const sent = await drain(outbox)
    const got = ofClass(sent, 'telemetry')
    const dropped = droppedIn(sent)
    expect(dropped.length).toBeGreaterThan(0)
    for (const one of dropped) expect(one).toMatchObject({ class: 'telemetry', epoch, reason: 'full' })
    expect(got).toEqual(upTo(2_000).slice(-got.length))
    expect(dropped.reduce((sum, { count }) => sum + count, 0)).toBe(2_000 - got.length)
    expect(Math.max(...dropped.map(({ to }) => to))).toBe(2_000 - got.length)
    expect(ofClass(sent, 'event')).toEqual(upTo(100))
  })

  test('one that was lowered since holds from the first append on, also where files are larger than all of it', async () => {
    const files = memoryOutboxFiles()
    const before = await openTestOutbox({ files })
    for (let round = 0; round < 10; round += 1) await appendMany(before, 'event', 300, 300)
    await before.close()
    const { epoch } = before.counts()
    const outbox = await openTestOutbox({ files: files.afterKill(), limits: { capBytes: 50_000 } })
    await appendMany(outbox, 'alarm', 1)
    const { classes } = outbox.counts()
    expect(Object.values(classes).reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0)).toBeLessThan(50_000)
    const sent = await drain(outbox)
    const dropped = droppedIn(sent).filter((one) => one.epoch === epoch)
    expect(dropped.reduce((sum, { count }) => sum + count, 0) + ofClass(sent, 'event').length).toBe(3_000)
  })

  test('a flood of one class leaves the others their share', async () => {
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), limits: small })
    await appendMany(outbox, 'event', 20, 100)
    for (let round = 0; round < 20; round += 1) await appendMany(outbox, 'alarm', 50, 100)
    const sent = await drain(outbox)
    expect(ofClass(sent, 'event')).toEqual(upTo(20))
    expect(ofClass(sent, 'alarm').length).toBeLessThan(1_000)
    expect(droppedIn(sent).every((one) => one.class === 'alarm')).toBe(true)
  })
})

describe('time', () => {
  test('what is older than its time to live is not sent, counted and told of', async () => {
    const clock = testClock()
    const outbox = await openTestOutbox({ files: memoryOutboxFiles(), clock })
    await appendMany(outbox, 'telemetry', 3)
    clock.monotonicMs += 8 * 86_400_000
    // The clock on the wall jumps back meanwhile, and must not matter.
    clock.nowMs = 0
    await appendMany(outbox, 'telemetry', 2)
    const broker = testBroker()
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await eventually('the report', () => droppedIn(broker.sent).length > 0)
    const { epoch } = outbox.counts()
    expect(ofClass(broker.sent, 'telemetry')).toEqual([4, 5])
    expect(droppedIn(broker.sent)).toEqual([{ class: 'telemetry', epoch, from: 1, to: 3, count: 3, reason: 'expired' }])
  })

  test('messages of a device without a clock are corrected once it is set, also after a reboot', async () => {
    const clock = { nowMs: 3_000, monotonicMs: 3_000, boot: 'boot-1' }
    const files = memoryOutboxFiles()
    const first = await openTestOutbox({ files, clock })
    expect(first.counts().epoch).toBe(3)
    await first.append('event', numbered(1))
    clock.monotonicMs += 60_000
    clock.nowMs = 1_800_000_000_000
    await first.append('event', numbered(2))
    await first.close()
    const later = await openTestOutbox({ files, clock: { nowMs: 1_800_000_500_000, monotonicMs: 5, boot: 'boot-2' } })
    const sent = await drain(later)
    expect(sent.map(({ at }) => at)).toEqual([1_800_000_000_000 - 60_000, 1_800_000_000_000])
    expect(later.counts().epoch).toBe(1_800_000_500)
  })
})

test('a clock that jumps to where it cannot be makes nothing older than it is', async () => {
  const clock = testClock()
  const right = clock.nowMs
  const outbox = await openTestOutbox({ files: memoryOutboxFiles(), clock, earliestMs: right - 1_000 })
  await outbox.append('event', numbered(1))
  clock.monotonicMs += 60_000
  clock.nowMs = right + 60_000 - 10 * 365 * 86_400_000
  await outbox.append('event', numbered(2))
  expect((await drain(outbox)).map(({ at }) => at)).toEqual([right, right + 60_000])
})

describe('telemetry', () => {
  test('is not written while it can be sent', async () => {
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files })
    const broker = testBroker()
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await appendMany(outbox, 'telemetry', 500)
    await untilDrained(outbox)
    expect(ofClass(broker.sent, 'telemetry')).toEqual(upTo(500))
    expect(files.names().filter((name) => name.startsWith('telemetry'))).toEqual([])
  })

  test('wears no flash while it can be sent: that it was acknowledged is not noted each time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, limits: { flushIntervalMs: 60_000 } })
    const broker = testBroker()
    outbox.start(broker.publish)
    outbox.setConnected(true)
    const sendTen = async (): Promise<number> => {
      await appendMany(outbox, 'telemetry', 10)
      await vi.advanceTimersByTimeAsync(5_000)
      return files.writtenBytes()
    }
    const writtenBytes = await sendTen()
    for (let round = 0; round < 5; round += 1) expect(await sendTen()).toBe(writtenBytes)
    expect(broker.sent).toHaveLength(60)
  })

  test('what waits for the disk does not pass what lies on it', async () => {
    const clock = testClock()
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, clock })
    await appendMany(outbox, 'telemetry', 600)
    clock.monotonicMs += 20
    await eventually('the flush', () => outbox.counts().classes.telemetry.inMemory <= 256)
    await appendMany(outbox, 'telemetry', 10)
    expect(ofClass(await drain(outbox), 'telemetry')).toEqual(upTo(610))
  })

  test('is written while the link is down, at the interval, and what was in flight comes along in its order', async () => {
    const clock = testClock()
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, clock })
    const broker = testBroker(() => 'wait')
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await appendMany(outbox, 'telemetry', 3)
    outbox.setConnected(false)
    await appendMany(outbox, 'telemetry', 2)
    expect(files.names().filter((name) => name.startsWith('telemetry'))).toEqual([])
    clock.monotonicMs += 20
    await eventually('the flush', () => files.names().some((name) => name.startsWith('telemetry')))
    await appendMany(outbox, 'telemetry', 1)
    const after = await openTestOutbox({ files: files.afterKill(), clock })
    expect(ofClass(await drain(after), 'telemetry')).toEqual(upTo(5))
    expect(ofClass(await drain(outbox), 'telemetry')).toEqual(upTo(6))
  })
})

describe('the disk', () => {
  test.each(['append', 'sync', 'create', 'replace'] as const)(
    'an error at %s is said, costs nothing that was safe, and passes',
    async (operation) => {
      const clock = testClock()
      const files = memoryOutboxFiles()
      if (operation !== 'replace') {
        const before = await openTestOutbox({ files, clock })
        await before.append('event', numbered(100))
        await before.close()
      }
      const outbox = await openTestOutbox({ files, clock })
      if (operation !== 'replace') await outbox.append('event', numbered(1))
      files.fault = (doing) => (doing === operation ? diskFullError() : undefined)
      const fresh = operation === 'create' ? 'alarm' : 'event'
      await expect(outbox.append(fresh, numbered(2))).rejects.toHaveProperty('code', 'disk-full')
      expect(outbox.counts().fault).toHaveProperty('code', 'disk-full')
      // While the disk is known to refuse it is not asked again.
      await expect(outbox.append(fresh, numbered(3))).rejects.toHaveProperty('code', 'disk-full')
      files.fault = undefined
      clock.monotonicMs += 1_000
      await outbox.append('event', numbered(4))
      const sent = await drain(outbox)
      const numbers = operation === 'replace' ? [4] : [100, 1, 4]
      expect(sent.filter((one) => one.n !== undefined).map(({ n }) => n)).toEqual(numbers)
      await outbox.close()
      expect(outbox.counts().classes[fresh].dropped.disk).toBe(2)
      // What was refused is not there after a restart either.
      const later = await openTestOutbox({ files: files.afterKill(), clock })
      expect((await drain(later)).filter((one) => one.n !== undefined)).toEqual([])
    },
  )

  test('telemetry that finds no room waits in memory within a bound, then the oldest goes, counted', async () => {
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, limits: { maxPendingBytes: 20_000, flushIntervalMs: 1 } })
    files.fault = () => diskFullError()
    await appendMany(outbox, 'telemetry', 500, 100)
    const { inMemory, dropped } = outbox.counts().classes.telemetry
    expect(inMemory).toBeLessThan(200)
    expect(inMemory + (dropped.disk ?? 0)).toBe(500)
    files.fault = undefined
    const sent = await drain(outbox)
    expect(ofClass(sent, 'telemetry')).toEqual(upTo(500).slice(-inMemory))
    await eventually('the report', () => outbox.counts().classes.alarm.sent > 0)
  })

  test('a folder that cannot be read or written at all: it opens, says so, and telemetry still goes out', async () => {
    const files = memoryOutboxFiles()
    files.fault = () => Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
    const outbox = await openTestOutbox({ files })
    await expect(outbox.append('event', numbered(1))).rejects.toHaveProperty('code', 'state-unusable')
    const broker = testBroker()
    outbox.start(broker.publish)
    outbox.setConnected(true)
    await outbox.append('telemetry', numbered(1))
    await eventually('the telemetry', () => broker.sent.length === 1)
  })
})

describe('what was acknowledged', () => {
  test('files that hold nothing else are deleted, and a restart sends nothing again', async () => {
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files, limits: { segmentBytes: 1_000 } })
    for (let round = 0; round < 10; round += 1) await appendMany(outbox, 'event', 20)
    expect(files.names().filter((name) => name.startsWith('event')).length).toBeGreaterThan(5)
    await drain(outbox)
    await eventually('the files to go', () => files.names().filter((name) => name.startsWith('event')).length <= 1)
    await outbox.close()
    const later = await openTestOutbox({ files: files.afterKill() })
    expect(await drain(later)).toEqual([])
    expect(later.counts().epoch).toBeGreaterThan(outbox.counts().epoch)
  })

  test('a kill without a word sends again what was not noted, with the same epoch and seq', async () => {
    const files = memoryOutboxFiles()
    const outbox = await openTestOutbox({ files })
    await appendMany(outbox, 'event', 10)
    const first = await drain(outbox)
    const { epoch } = outbox.counts()
    const again = await drain(await openTestOutbox({ files: files.afterKill() }))
    expect(again.map((one) => [one.epoch, one.seq])).toEqual(upTo(10).map((seq) => [epoch, seq]))
    // And who consumes them notices.
    const { isNew } = createDeduplicator()
    const isNewFromHere = ({ epoch: of, seq }: Sent): boolean => isNew('gw-17', { class: 'event', epoch: of, seq })
    expect(first.every(isNewFromHere)).toBe(true)
    expect(again.some(isNewFromHere)).toBe(false)
  })

  test('is noted by one at a time, however slow the disk', async () => {
    const files = memoryOutboxFiles()
    const open: (() => void)[] = []
    let writing = 0
    let most = 0
    const slow: typeof files = {
      ...files,
      replace: async (name, bytes, isDurable) => {
        writing += 1
        most = Math.max(most, writing)
        if (name === 'cursor.json') await new Promise<void>((resolve) => open.push(resolve))
        await files.replace(name, bytes, isDurable)
        writing -= 1
      },
    }
    const outbox = await openTestOutbox({ files: slow })
    await appendMany(outbox, 'event', 3)
    await drain(outbox)
    await eventually('the first to be written', () => open.length === 1, { timeoutMs: 3_000 })
    const closed = outbox.close()
    const release = setInterval(() => open.shift()?.(), 5)
    onTestFinished(() => clearInterval(release))
    await closed
    expect(most).toBe(1)
    expect(await drain(await openTestOutbox({ files: files.afterKill() }))).toEqual([])
  })
})
