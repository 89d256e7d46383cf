/** Wherever a file ends after a power cut or a kill, and whatever of what was not synced is missing: it opens, and invents nothing. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MessageClass } from '../../src/protocol/queued.ts'
import { eventually } from '../support/eventually.ts'
import { type MemoryOutboxFiles, memoryOutboxFiles } from '../support/memory-outbox-files.ts'
import { drain, numbered, openTestOutbox, type Sent, testBroker } from '../support/test-outbox.ts'
import { expectWholeRecords, writeOneFile } from '../support/torn-file.ts'

test('a file cut at every byte of its last 4 kB, and at every record boundary ± 1 of its last 64 kB', async () => {
  const torn = await writeOneFile()
  const { bytes, ends } = torn
  expect(bytes.length).toBeGreaterThan(64 * 1024)
  const cuts = new Set<number>()
  for (let at = bytes.length - 4 * 1024; at <= bytes.length; at += 1) cuts.add(at)
  for (const end of ends) if (end >= bytes.length - 64 * 1024) for (const by of [-1, 0, 1]) cuts.add(end + by)
  await expectWholeRecords(torn, cuts)
})

test('the same through the whole outbox, which goes on behind the cut', async () => {
  const { name, bytes, ends, rest } = await writeOneFile()
  for (let cut = bytes.length; cut > bytes.length - 4 * 1024; cut -= 97) {
    const files = rest.afterKill()
    files.put(name, bytes.subarray(0, cut))
    const outbox = await openTestOutbox({ files })
    await outbox.append('event', numbered(1_000))
    const whole = ends.filter((end) => end <= cut).length
    expect((await drain(outbox)).flatMap(({ n }) => n ?? [])).toEqual([...Array(whole).keys(), 1_000])
  }
})

/** A class and `seq` once stood for one message for ever. */
const keyOf = ({ class: messageClass, epoch, seq }: Pick<Sent, 'class' | 'epoch' | 'seq'>): string =>
  `${messageClass} ${epoch} ${seq}`

type Step = { readonly kind: 'append'; readonly messageClass: MessageClass } | { readonly kind: 'up' | 'down' }

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom<MessageClass>('alarm', 'reply', 'event', 'telemetry')
      .map((messageClass) => ({ kind: 'append' as const, messageClass })),
  },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'up' as const }, { kind: 'down' as const }) },
)

const scenario = fc.record({
  steps: fc.array(steps, { minLength: 1, maxLength: 60 }),
  /** by operation on the folder */
  cutsAfter: fc.array(fc.nat(60), { minLength: 1, maxLength: 3 }),
  fates: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
  acknowledged: fc.infiniteStream(fc.boolean()),
  segmentBytes: fc.constantFrom(300, 2_000),
})

test('un-synced writes dropped, cut and reordered: nothing that was safe is lost, nothing is invented, the order is kept', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ steps: all, cutsAfter, fates, acknowledged, segmentBytes }) => {
      const random = (): number => fates.next().value as number
      let files = memoryOutboxFiles()
      let n = 0
      const appended = new Map<string, number>()
      const safe = new Set<string>()
      const taken = new Set<string>()
      for (const cutAfter of cutsAfter) {
        let left = cutAfter
        let cut: { files: MemoryOutboxFiles; safe: Set<string>; taken: Set<string> } | undefined
        const running = files
        running.fault = () => {
          left -= 1
          if (left === 0) cut = { files: running.afterPowerCut(random), safe: new Set(safe), taken: new Set(taken) }
          return undefined
        }
        const outbox = await openTestOutbox({ files, limits: { segmentBytes, flushIntervalMs: 1 } })
        const { epoch } = outbox.counts()
        outbox.start(async ({ payload }) => {
          const sent = JSON.parse(payload.toString()) as Sent
          await undefined
          if (!acknowledged.next().value) return new Promise<void>(() => undefined)
          taken.add(keyOf(sent))
        })
        const waiting: Promise<unknown>[] = []
        const seqs: Partial<Record<MessageClass, number>> = {}
        for (const step of all) {
          if (step.kind !== 'append') outbox.setConnected(step.kind === 'up')
          else {
            const { messageClass } = step
            n += 1
            seqs[messageClass] = (seqs[messageClass] ?? 0) + 1
            appended.set(keyOf({ class: messageClass, epoch, seq: seqs[messageClass] ?? 0 }), n)
            const key = keyOf({ class: messageClass, epoch, seq: seqs[messageClass] ?? 0 })
            waiting.push(
              outbox.append(messageClass, numbered(n)).then(() => {
                if (messageClass !== 'telemetry') safe.add(key)
              }),
            )
            if (n % 5 === 0) await Promise.all(waiting)
          }
        }
        await Promise.all(waiting)
        cut ??= { files: running.afterPowerCut(random), safe: new Set(safe), taken: new Set(taken) }
        running.fault = undefined
        await outbox.close()
        files = cut.files
        safe.clear()
        for (const key of cut.safe) safe.add(key)
        taken.clear()
        for (const key of cut.taken) taken.add(key)
        // A report of a drop would be one of damage, and there is none.
        const got = await drain(await openTestOutbox({ files: files.afterKill() }))
        const keys = new Set(got.map(keyOf))
        for (const one of got) expect(appended.get(keyOf(one)), keyOf(one)).toBe(one.n)
        for (const key of safe) if (!taken.has(key)) expect(keys, `${key} is lost`).toContain(key)
        for (const messageClass of ['alarm', 'reply', 'event', 'telemetry']) {
          const order = got.filter((one) => one.class === messageClass).map((one) => one.epoch * 1e6 + one.seq)
          expect(order).toEqual([...order].sort((a, b) => a - b))
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('a file of zeros or noise behind what was synced costs nothing before it', async () => {
  const { name, bytes, ends, rest } = await writeOneFile()
  const noise = testNoise(9_000)
  for (const tail of [Buffer.alloc(9_000), noise, Buffer.concat([noise, bytes.subarray(ends[3], ends[5])])]) {
    const files = rest.afterKill()
    files.put(name, Buffer.concat([bytes, tail]))
    const numbers = (await drain(await openTestOutbox({ files }))).flatMap(({ n }) => n ?? [])
    expect(numbers.slice(0, 300)).toEqual([...Array(300).keys()])
    // The same bytes again are the same message again: a consumer knows its number.
    expect(new Set(numbers).size).toBe(300)
  }
})

const testNoise = (length: number): Buffer => {
  let state = 42
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
      return state >>> 16
    }),
  )
}

test('damage in the middle costs what it hit, which is told of', async () => {
  const { name, bytes, ends, rest } = await writeOneFile()
  const files = rest.afterKill()
  const damaged = Buffer.from(bytes)
  damaged.fill(0x1e, (ends[9] ?? 0) + 20, (ends[11] ?? 0) + 30)
  files.put(name, damaged)
  const outbox = await openTestOutbox({ files })
  const broker = testBroker()
  outbox.start(broker.publish)
  outbox.setConnected(true)
  const { dropped } = await eventually('the report', () => broker.sent.find((one) => one.dropped !== undefined))
  expect(dropped).toMatchObject({ class: 'event', from: 11, to: 13, count: 3, reason: 'corrupt' })
  const numbers = broker.sent.filter((one) => one.class === 'event').map(({ n }) => n)
  expect(numbers).toEqual([...Array(300).keys()].filter((n) => n < 10 || n > 12))
})
