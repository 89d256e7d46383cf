/** A file of the outbox that was cut off, as a power cut leaves it. */
import { pino } from 'pino'
import { expect } from 'vitest'
import { parseSegmentName } from '../../src/outbox/segment.ts'
import { createSegmentStore } from '../../src/outbox/segment-store.ts'
import { type MemoryOutboxFiles, memoryOutboxFiles } from './memory-outbox-files.ts'
import { numbered, openTestOutbox } from './test-outbox.ts'

const silent = pino({ level: 'silent' })

/** One file of events, longer than 64 kB, with the place where each record ends. */
export const writeOneFile = async () => {
  const files = memoryOutboxFiles()
  const outbox = await openTestOutbox({ files, limits: { segmentBytes: 1_000_000 } })
  await outbox.append('event', numbered(0))
  const name = files.names().find((one) => one.startsWith('event')) as string
  const ends = [files.contentOf(name).length]
  for (let n = 1; n < 300; n += 1) {
    await outbox.append('event', numbered(n, 150 + (n % 90)))
    ends.push(files.contentOf(name).length)
  }
  return { name, bytes: files.contentOf(name), ends, rest: files.afterKill() }
}

const readFrom = async (files: MemoryOutboxFiles, name: string, offset: number): Promise<number[]> => {
  const { id } = parseSegmentName(name) as NonNullable<ReturnType<typeof parseSegmentName>>
  const bytes = files.contentOf(name).length
  const store = createSegmentStore({
    files,
    messageClass: 'event',
    epoch: id.epoch + 1,
    boot: 'next',
    segmentBytes: 1_000_000,
    found: [{ id, bytes }],
    settled: { ...id, offset },
    log: silent,
    onDamage: () => undefined,
    setAside: async () => undefined,
  })
  const numbers: number[] = []
  while (store.hasUnread()) {
    await store.load()
    for (let found = store.next(); found !== undefined; found = store.next())
      numbers.push((JSON.parse(found.record.text) as { n: number }).n)
  }
  return numbers
}

/** Wherever it is cut, each record that ends before the cut is read, and nothing else. */
export const expectWholeRecords = async (
  { name, bytes, ends }: Pick<Awaited<ReturnType<typeof writeOneFile>>, 'name' | 'bytes' | 'ends'>,
  cuts: Iterable<number>,
): Promise<void> => {
  for (const cut of cuts) {
    const whole = ends.filter((end) => end <= cut).length
    // From a little before the cut on; what lies further before it is the same each time.
    const first = Math.max(0, whole - 3)
    const files = memoryOutboxFiles(new Map([[name, bytes.subarray(0, cut)]]))
    const numbers = await readFrom(files, name, ends[first - 1] ?? 0)
    if (numbers.join() !== [first, first + 1, first + 2].join()) expect({ cut, numbers }).toEqual({ cut, first })
  }
}
