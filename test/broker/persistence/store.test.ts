import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { snapshotName } from '../../../broker/persistence/file-names.ts'
import { findFrame } from '../../../broker/persistence/frame.ts'
import type { Operation } from '../../../broker/persistence/operation.ts'
import { createFrameBuffer, decodeOperation } from '../../../broker/persistence/operation.ts'
import type { State } from '../../../broker/persistence/state.ts'
import { openStore, type Store, type StoreInput } from '../../../broker/persistence/store.ts'
import { eventually } from '../../support/eventually.ts'
import { diskFullError, type MemoryOutboxFiles, memoryOutboxFiles } from '../../support/memory-outbox-files.ts'

const silent = pino({ level: 'silent' })

const bounds = {
  maxQueuedBytes: 1e9,
  maxQueuedBytesPerClient: 1e9,
  maxQueuedAgeMs: 60_000,
  sessionExpiryMs: 3_600_000,
  maxSessions: 1_000,
}

let salts = 0
const open = async (files: MemoryOutboxFiles | undefined, changes: Partial<StoreInput> = {}): Promise<Store> => {
  const store = await openStore({
    files,
    fsync: 'interval',
    bounds,
    nowMs: () => 1_000_000,
    salt: () => `salt${salts++}`,
    isConnected: () => false,
    longJournalBytes: 50_000,
    log: silent,
    ...changes,
  })
  onTestFinished(store.close)
  return store
}

const written = (store: Store): Promise<void> =>
  new Promise((resolve, reject) => store.whenWritten((error) => (error === null ? resolve() : reject(error))))

const subscribed = (store: Store, clientId: string, ...filters: string[]): number => {
  const session =
    store.state.sessions.get(clientId)?.number ??
    store.newSession(clientId, clientId === 'b' ? 'somebody' : undefined).number
  store.change({ kind: 'subscribe', session, subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })) })
  return session
}

const publish = (store: Store, topic: string, text: string, retain = false) =>
  store.publish({ topic, payload: Buffer.from(text), qos: 1, retain })

/** Everything that matters of it, as plain data. */
const shown = (state: State) => ({
  retained: [...state.retained.all()].map(({ topic, payload, qos }) => [topic, payload.toString(), qos]).sort(),
  sessions: [...state.byNumber.values()].map((session) => ({
    client: session.clientId,
    owner: session.owner,
    subscriptions: [...session.subscriptions.values()],
    waiting: [...session.waiting.items()].map(({ message, qos }) => [message.seq, message.payload.toString(), qos]),
    inFlight: [...session.inFlight].map(([id, { message, isReleased }]) => [id, message.seq, isReleased]),
    incoming: [...session.incoming],
    queuedBytes: session.queuedBytes,
  })),
  wills: [...state.wills],
  queuedBytes: state.queuedBytes,
  messages: [...state.messages.keys()],
})

const fill = async (store: Store): Promise<void> => {
  const a = subscribed(store, 'a', 'x/+', 'y')
  subscribed(store, 'b', '#')
  publish(store, 'x/1', 'one')
  publish(store, 'y', 'kept', true)
  publish(store, 'x/2', '')
  store.change({ kind: 'settle', session: a, seq: 1 })
  store.change({ kind: 'incoming', session: a, messageId: 7, isKnown: true })
  store.change({ kind: 'sent', session: a, seq: 3, messageId: 9, isReleased: true })
  store.change({
    kind: 'will',
    clientId: 'a',
    will: { topic: 'w', payload: Buffer.from([0, 30]).toString('base64'), qos: 1, retain: true, brokerId: 'me' },
  })
  await written(store)
}

test('what was written is there after a kill, to the letter', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  await fill(store)
  const again = await open(files.afterKill())
  expect(shown(again.state)).toEqual(shown(store.state))
  expect(shown(again.state).sessions[1]?.waiting.map(([, text]) => text)).toEqual(['one', 'kept', ''])
})

test('a journal that is cut off anywhere gives what stood before the cut', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  const states = [shown(store.state)]
  const lengths = [files.contentOf('journal-0000000001').length]
  const remember = async () => {
    await written(store)
    states.push(shown(store.state))
    lengths.push(files.contentOf('journal-0000000001').length)
  }
  const session = subscribed(store, 'a', '#')
  await remember()
  for (const text of ['one', 'two', 'three']) {
    publish(store, 'x', text, true)
    await remember()
  }
  store.change({ kind: 'settle', session, seq: 2 })
  await remember()
  const bytes = files.contentOf('journal-0000000001')
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const torn = await open(memoryOutboxFiles(new Map([['journal-0000000001', bytes.subarray(0, cut)]])))
    const whole = lengths.filter((length) => length <= cut).length - 1
    const { sessions, ...rest } = shown(torn.state)
    // The session itself is a record of its own, before that of its subscriptions.
    if (cut < (lengths[1] ?? 0))
      expect({ cut, waiting: sessions.flatMap((one) => one.waiting) }).toEqual({ cut, waiting: [] })
    else expect({ cut, sessions, ...rest }).toEqual({ cut, ...states[whole] })
    await torn.close()
  }
})

test('a byte that went bad costs what stood there, and nothing behind it', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  for (const n of [1, 2, 3]) publish(store, `t/${n}`, `text ${n}`, true)
  await written(store)
  const bytes = Buffer.from(files.contentOf('journal-0000000001'))
  bytes[bytes.indexOf('text 2')] = 0
  const again = await open(memoryOutboxFiles(new Map([['journal-0000000001', bytes]])))
  expect(shown(again.state).retained.map(([topic]) => topic)).toEqual(['t/1', 't/3'])
})

test('a published copy of a journal is a message, whatever it says', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  publish(store, 'a', 'old', true)
  await written(store)
  const copy = files.contentOf('journal-0000000001')
  publish(store, 'a', 'new', true)
  store.publish({ topic: 'b', payload: copy, qos: 1, retain: true })
  await written(store)
  const torn = files.contentOf('journal-0000000001').subarray(0, -1)
  const again = await open(memoryOutboxFiles(new Map([['journal-0000000001', torn]])))
  expect(shown(again.state).retained).toEqual([['a', 'new', 1]])
})

test('bytes that are no record are none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      expect(findFrame(Buffer.from(noise), 0, 1)).toBeUndefined()
      expect(() => decodeOperation(Buffer.from(noise))).not.toThrow()
    }),
  )
})

test('every operation reads back', () => {
  const operations: Operation[] = [
    {
      kind: 'publish',
      seq: 2 ** 40,
      atMs: 5,
      topic: 'ü/x',
      payload: Buffer.from([0, 1, 30]),
      qos: 2,
      retain: true,
      to: [{ session: 3, qos: 1 }],
    },
    { kind: 'settle', session: 2 ** 31, seq: 9 },
    { kind: 'subscribe', session: 1, subscriptions: [{ topic: 'a', qos: 0, rap: true }] },
    { kind: 'unsubscribe', session: 1, filters: ['a'] },
    { kind: 'will', clientId: 'c', will: null },
  ]
  const buffer = createFrameBuffer()
  for (const operation of operations) buffer.add(operation, 5)
  const bytes = buffer.take()
  const read: (Operation | undefined)[] = []
  for (let at = 0; at < bytes.length; ) {
    const frame = findFrame(bytes, at, 5)
    if (frame === undefined) break
    read.push(decodeOperation(frame.body))
    at = frame.end
  }
  expect(read).toEqual(operations)
})

describe('a snapshot', () => {
  const many = async (store: Store, rounds: number) => {
    for (let n = 0; n < rounds; n += 1) publish(store, `t/${n % 50}`, `${n} `.repeat(200), true)
    await written(store)
  }

  test('makes the files before it needless, while messages go on', async () => {
    const files = memoryOutboxFiles()
    const store = await open(files)
    const session = subscribed(store, 'a', 't/1')
    await many(store, 120)
    store.change({ kind: 'settle', session, seq: 2 })
    const shortening = store.shorten()
    await many(store, 30)
    await shortening
    expect(files.names()).toEqual(['journal-0000000002', snapshotName(2)])
    await many(store, 3)
    expect(shown((await open(files.afterKill())).state)).toEqual(shown(store.state))
  })

  test('that was cut off anywhere, or never got its name, loses nothing', async () => {
    const files = memoryOutboxFiles()
    const store = await open(files)
    await fill(store)
    await many(store, 120)
    const before = files.afterKill()
    await store.shorten()
    const snapshot = files.contentOf(snapshotName(2))
    for (let cut = 0; cut < snapshot.length; cut += Math.ceil(snapshot.length / 97)) {
      const torn = memoryOutboxFiles(new Map(before.names().map((name) => [name, before.contentOf(name)])))
      torn.put(snapshotName(2), snapshot.subarray(0, cut))
      expect(shown((await open(torn)).state)).toEqual(shown(store.state))
    }
  })
})

test('after a power cut there is what was flushed, whatever became of the rest', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), async (randoms) => {
      const files = memoryOutboxFiles()
      const store = await open(files, { fsync: 'always' })
      subscribed(store, 'a', '#')
      publish(store, 'x', 'safe', true)
      await written(store)
      publish(store, 'x', 'not yet', true)
      const again = await open(files.afterPowerCut(() => randoms.next().value as number))
      expect(shown(again.state).sessions[0]?.waiting[0]?.[1]).toBe('safe')
      expect(['safe', 'not yet']).toContain(shown(again.state).retained[0]?.[1])
      await Promise.all([store.close(), again.close()])
    }),
    { numRuns: 50 },
  )
})

test('what is retained already is not written again', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  publish(store, 'a', 'same', true)
  await written(store)
  const bytes = files.writtenBytes()
  publish(store, 'a', 'same', true)
  publish(store, 'nothing/there', '', true)
  await written(store)
  expect(files.writtenBytes()).toBe(bytes)
})

test('a snapshot that failed is tried again when there is more, and not with every turn', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  const publishMore = async () => {
    for (let n = 0; n < 100; n += 1) publish(store, 'x', `${n} ${Math.random()} `.repeat(50), true)
    await written(store)
  }
  await publishMore()
  files.fault = (operation, name) =>
    operation === 'append' && name.startsWith('snapshot') ? diskFullError() : undefined
  await store.shorten()
  files.fault = undefined
  await store.shorten()
  expect(files.names()).toEqual(['journal-0000000001', 'journal-0000000002'])
  await publishMore()
  await store.shorten()
  expect(files.names()).toEqual(['journal-0000000003', snapshotName(3)])
})

test('a full disk refuses, is told of, and everything is there once it has room', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  const session = subscribed(store, 'a', '#')
  publish(store, 'x', 'before')
  await written(store)
  files.fault = (operation) => (operation === 'append' ? diskFullError() : undefined)
  publish(store, 'x', 'refused')
  await expect(written(store)).rejects.toMatchObject({ code: 'disk-full' })
  expect(store.fault()?.code).toBe('disk-full')
  store.change({ kind: 'settle', session, seq: 1 })
  files.fault = undefined
  await eventually('the disk to be tried again', () => store.fault() === undefined)
  publish(store, 'x', 'after')
  await written(store)
  const again = await open(files.afterKill())
  expect(shown(again.state)).toEqual(shown(store.state))
  expect(shown(again.state).sessions[0]?.waiting.map(([, text]) => text)).toEqual(['refused', 'after'])
})

type Step =
  | { readonly kind: 'publish'; readonly topic: number; readonly kilobytes: number; readonly retain: boolean }
  | { readonly kind: 'acknowledge' | 'subscribe' | 'forget'; readonly client: number }
  | { readonly kind: 'shorten' | 'write' | 'turn' | 'kill' }

const clientStep = (kind: 'acknowledge' | 'subscribe' | 'forget') =>
  fc.record({ kind: fc.constant(kind), client: fc.nat(3) })

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      topic: fc.nat(4),
      kilobytes: fc.integer({ min: 0, max: 60 }),
      retain: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: clientStep('acknowledge') },
  { weight: 2, arbitrary: clientStep('subscribe') },
  { weight: 1, arbitrary: clientStep('forget') },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('shorten' as const, 'write', 'turn', 'kill') }) },
)

test('kills at any point, also in the middle of a snapshot, give back what was written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 120 }), async (list) => {
      let files = memoryOutboxFiles()
      let store = await open(files)
      let count = 0
      const snapshots: Promise<void>[] = []
      const sessionOf = (client: number) => store.state.sessions.get(`client-${client}`)
      for (const step of list) {
        const session = 'client' in step ? sessionOf(step.client) : undefined
        if (step.kind === 'publish') {
          count += 1
          publish(store, `t/${step.topic}`, `${count} `.repeat(step.kilobytes * 200), step.retain)
        } else if (step.kind === 'subscribe') subscribed(store, `client-${step.client}`, 't/1', 't/+')
        else if (step.kind === 'forget' && session !== undefined)
          store.change({ kind: 'forget', session: session.number })
        else if (step.kind === 'acknowledge') {
          const seq = session?.waiting.first()?.message.seq
          if (session !== undefined && seq !== undefined) store.change({ kind: 'settle', session: session.number, seq })
        } else if (step.kind === 'shorten') snapshots.push(store.shorten())
        else if (step.kind === 'write') await written(store)
        else if (step.kind === 'turn') await new Promise((resolve) => setImmediate(resolve))
        else if (step.kind === 'kill') {
          await written(store)
          const expected = shown(store.state)
          files = files.afterKill()
          const before = store
          store = await open(files)
          expect(shown(store.state)).toEqual(expected)
          await before.close()
        }
      }
      await Promise.all(snapshots)
      await store.close()
      expect(shown((await open(files.afterKill())).state)).toEqual(shown(store.state))
    }),
    { numRuns: 150 },
  )
})

test('a disk that is full at the start is named', async () => {
  const files = memoryOutboxFiles()
  files.fault = (operation) => (operation === 'append' ? diskFullError() : undefined)
  await expect(open(files)).rejects.toMatchObject({ code: 'disk-full' })
  expect(files.names()).toEqual([])
})

test('a flush that failed refuses until one succeeds, also when nothing more comes', async () => {
  const files = memoryOutboxFiles()
  const store = await open(files)
  publish(store, 'x', 'before', true)
  files.fault = (operation) => (operation === 'sync' ? diskFullError() : undefined)
  await eventually('the flush to fail', () => store.fault() !== undefined)
  files.fault = undefined
  await eventually('the disk to be tried again', () => store.fault() === undefined)
})

test('many restarts leave few files', async () => {
  let files = memoryOutboxFiles()
  for (let restart = 0; restart < 40; restart += 1) {
    const store = await open(files)
    publish(store, 'x', String(restart), true)
    await store.shorten()
    await store.close()
    files = files.afterKill()
  }
  expect(files.names().length).toBeLessThan(20)
  expect(shown((await open(files)).state).retained).toEqual([['x', '39', 1]])
})

describe('bounds', () => {
  test('of one client: its oldest messages go, those of others stay, and the log says so once', async () => {
    const lines: string[] = []
    const log = pino({}, { write: (line: string) => void lines.push(line) })
    const store = await open(undefined, { log, bounds: { ...bounds, maxQueuedBytesPerClient: 3_000 } })
    subscribed(store, 'a', 'x')
    subscribed(store, 'b', 'y')
    publish(store, 'y', 'other')
    for (let n = 0; n < 10; n += 1) publish(store, 'x', `${n}`.repeat(500))
    const { sessions } = shown(store.state)
    expect(sessions[0]?.waiting.map(([, text]) => String(text)[0])).toEqual(['6', '7', '8', '9'])
    expect(sessions[1]?.waiting).toHaveLength(1)
    expect(store.drops()['client-full']).toBe(6)
    store.sweep()
    store.sweep()
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ client: 'a', count: 6, inAll: 6, msg: 'queued messages dropped' }),
    ])
  })

  test('of one client with 20,000 messages: each more costs no more than with a few', async () => {
    const timed = async (room: number): Promise<number> => {
      const store = await open(undefined, { bounds: { ...bounds, maxQueuedBytesPerClient: room * 201 } })
      subscribed(store, 'a', 'x')
      for (let n = 0; n < room; n += 1) publish(store, 'x', '')
      const startedAt = performance.now()
      for (let n = 0; n < 5_000; n += 1) publish(store, 'x', '')
      expect(store.drops()['client-full']).toBe(5_000)
      return performance.now() - startedAt
    }
    await timed(100)
    const fewMs = await timed(100)
    expect(await timed(20_000)).toBeLessThan(fewMs * 5 + 100)
  })

  test('of all: the fullest queue gives way', async () => {
    const store = await open(undefined, { bounds: { ...bounds, maxQueuedBytes: 3_000 } })
    subscribed(store, 'a', 'x')
    subscribed(store, 'b', 'y')
    publish(store, 'y', 'other')
    for (let n = 0; n < 10; n += 1) publish(store, 'x', `${n}`.repeat(500))
    expect(store.state.queuedBytes).toBeLessThanOrEqual(3_000)
    expect(shown(store.state).sessions[1]?.waiting).toHaveLength(1)
    expect(store.drops()['all-full']).toBeGreaterThan(4)
  })

  test('of age, for messages and for sessions whose clients do not come', async () => {
    let nowMs = 0
    const store = await open(undefined, { nowMs: () => nowMs, isConnected: ({ clientId }) => clientId === 'here' })
    subscribed(store, 'a', 'x')
    subscribed(store, 'here', 'x')
    publish(store, 'x', 'written while the clock was wrong')
    store.sweep()
    nowMs = 50_000_000
    store.sweep()
    expect(store.drops()['too-old']).toBe(0)
    publish(store, 'x', 'later')
    nowMs += 59_000
    publish(store, 'x', 'last')
    nowMs += 2_000
    store.sweep()
    expect(shown(store.state).sessions[0]?.waiting.map(([, text]) => text)).toEqual(['last'])
    nowMs += 3_600_000
    store.sweep()
    expect([...store.state.sessions.keys()]).toEqual(['here'])
  })

  test('of sessions: the one longest away goes', async () => {
    let nowMs = 1_000_000
    const store = await open(undefined, { nowMs: () => nowMs, bounds: { ...bounds, maxSessions: 2 } })
    for (const clientId of ['a', 'b', 'c']) {
      const session = subscribed(store, clientId, 'x')
      store.change({ kind: 'seen', session, atMs: nowMs })
      nowMs += 1
    }
    store.sweep()
    expect([...store.state.sessions.keys()]).toEqual(['b', 'c'])
  })
})
