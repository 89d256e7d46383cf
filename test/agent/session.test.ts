import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSession } from '../../agent/session.ts'
import { emptyRecord } from '../../agent/store/app-record.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Store } from '../../agent/store/store.ts'
import type { Link } from '../../src/link/link.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { silent } from '../support/agents.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: 1_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const topics = topicsUnder('longshore')
const statusTopic = topics.status('gw-1')

/** A session on a link that writes down what is done; `isRetaining`: the birth comes back. */
const open = ({ isRetaining = true, isDiskFull = false } = {}) => {
  const done: string[] = []
  const taken: string[] = []
  const memory = memoryStore()
  const store: Store = isDiskFull
    ? { ...memory, updateDevice: () => Promise.reject(new LongshoreError('state-unusable', 'the disk is full')) }
    : memory
  let isConnected = true
  const link: Link = {
    start: () => undefined,
    stop: async () => undefined,
    isConnected: () => isConnected,
    publish: async (topic, payload, { retain }) => {
      const message = JSON.parse(payload.toString()) as { online: boolean; session: number }
      done.push(
        `publish ${topic} ${message.online ? 'online' : 'offline'} ${message.session}${retain ? '' : ' not retained'}`,
      )
      if (isRetaining) await session.onMessage(topic, payload)
    },
    subscribe: async (filters) => void done.push(...filters.map((filter) => `subscribe ${filter}`)),
    unsubscribe: async (filters) => void done.push(...filters.map((filter) => `unsubscribe ${filter}`)),
  }
  const session = createSession({
    device: 'gw-1',
    topics,
    store,
    version: '1.0',
    health: () => ({ verdict: 'ok', since: 0, reasons: [] }),
    instance: 'a',
    nowMs: Date.now,
    knownMs: Date.now,
    monotonicMs: () => performance.now(),
    log: silent,
    link: () => link,
    onDesired: async (app, payload) => void taken.push(`desired ${app} ${payload.byteLength}`),
    onSecret: async (app, payload) => void taken.push(`secret ${app} ${payload.byteLength}`),
    onCertificate: () => undefined,
    onCommand: async (id) => void taken.push(`command ${id}`),
    onLogCredit: (id) => void taken.push(`credit ${id}`),
    onReady: ({ isContinued }) => done.push(isContinued ? 'ready again' : 'ready'),
    onOrphanReport: (app) => taken.push(`orphan ${app}`),
    onContest: ({ code }) => taken.push(code),
  })
  const connect = async (sessionPresent = false): Promise<void> => {
    await session.beforeConnect()
    await session.onConnect({ sessionPresent })
  }
  const disconnect = (): void => {
    isConnected = false
  }
  const receive = (topic: string, message: object | string): Promise<void> =>
    session.onMessage(topic, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
  return { session, store, done, taken, connect, disconnect, receive }
}

const status = (session: number, online = true) => ({ schema: 1, at: 1, online, session, agent: '1.0' })

describe('a connection', () => {
  test('has a session of its own, on disk before it is made, and a will that says so', async () => {
    const { session, store } = open()
    const will = await session.beforeConnect()
    expect(store.device().session).toBe(1_000)
    expect(will.topic).toBe(statusTopic)
    expect(JSON.parse(will.payload.toString())).toMatchObject({ online: false, session: 1_000, at: 1_000_000 })
    await session.beforeConnect()
    expect(session.number()).toBe(1_001)
  })

  test('counts on after the clock was in 2106, so that no number is used twice', async () => {
    const { session } = open()
    vi.setSystemTime(Date.UTC(2106, 1, 1))
    await session.beforeConnect()
    const far = session.number()
    expect(far).toBe(Date.UTC(2106, 1, 1) / 1000)
    for (const at of [Date.UTC(2026, 1, 1), 0]) {
      vi.setSystemTime(at)
      await session.beforeConnect()
    }
    expect(session.number()).toBe(far + 2)
  })

  test('that comes to nothing wears no flash: what follows it is on disk before its birth', async () => {
    const { session, store, connect } = open()
    for (let attempt = 0; attempt < 100; attempt += 1) await session.beforeConnect()
    expect(session.number()).toBe(1_099)
    expect(store.device().session).toBe(1_000)
    await connect()
    expect(store.device().session).toBe(1_100)
    await session.beforeConnect()
    expect(store.device().session).toBe(1_101)
  })

  test('connects with a number of its own also when the disk is full', async () => {
    const { session } = open({ isDiskFull: true })
    await session.beforeConnect()
    expect(session.number()).toBe(1_000)
    await session.beforeConnect()
    expect(session.number()).toBe(1_001)
  })

  test('hears commands before its birth, then reads what was reported, then what is desired', async () => {
    const { done, connect } = open()
    await connect()
    expect(done).toEqual([
      'subscribe longshore/v1/gw-1/status',
      'subscribe longshore/v1/gw-1/reported/+',
      'subscribe longshore/v1/gw-1/command/+',
      'publish longshore/v1/gw-1/status online 1000',
      'unsubscribe longshore/v1/gw-1/reported/+',
      'subscribe longshore/v1/gw-1/secret/+',
      'subscribe longshore/v1/gw-1/desired/+',
      'ready',
    ])
  })

  test('that continues a session reads nothing again', async () => {
    const { done, connect } = open()
    await connect()
    await vi.advanceTimersByTimeAsync(3_000)
    done.length = 0
    await connect(true)
    expect(done).toEqual([
      'subscribe longshore/v1/gw-1/status',
      'publish longshore/v1/gw-1/status online 1003',
      'ready again',
    ])
  })

  test('that broke while what is desired was still coming reads it all again, also in a session that the broker kept', async () => {
    const { done, connect, receive } = open()
    const desired = 'subscribe longshore/v1/gw-1/desired/+'
    await connect()
    await vi.advanceTimersByTimeAsync(2_000)
    await receive(topics.desired('gw-1', 'shop'), '{}')
    await vi.advanceTimersByTimeAsync(2_000)
    await connect(true)
    expect(done.filter((line) => line === desired)).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(6_000)
    await connect(true)
    expect(done.filter((line) => line === desired)).toHaveLength(2)
  })

  test('of a new process reads everything, also in a session that the broker kept', async () => {
    const { done, connect } = open()
    await connect(true)
    expect(done).toContain('subscribe longshore/v1/gw-1/desired/+')
  })

  test('to a broker that does not keep the birth is ready all the same', async () => {
    const { done, session } = open({ isRetaining: false })
    await session.beforeConnect()
    const connecting = session.onConnect({ sessionPresent: false })
    await vi.advanceTimersByTimeAsync(3_000)
    await connecting
    expect(done.at(-1)).toBe('ready')
  })
})

describe('the own status', () => {
  const births = (done: readonly string[]) => done.filter((line) => line.startsWith('publish'))

  test.each([
    ['the late will of an older connection', status(999, false)],
    ['another session', status(5)],
    ['something that does not parse', 'x'],
    ['nothing', ''],
  ])('is published again after %s', async (_name, message) => {
    const { done, connect, receive } = open()
    await connect()
    await receive(statusTopic, message)
    expect(births(done)).toHaveLength(2)
  })

  test('is not published again for its own birth, nor at full speed', async () => {
    const { done, connect, receive } = open()
    await connect()
    await receive(statusTopic, status(1_000))
    expect(births(done)).toHaveLength(1)
    await receive(statusTopic, status(5, false))
    await receive(statusTopic, status(6, false))
    expect(births(done)).toHaveLength(2)
    vi.advanceTimersByTime(5_000)
    await receive(statusTopic, status(7, false))
    expect(births(done)).toHaveLength(3)
  })

  test('of another agent under the same id is told, and answered rarely', async () => {
    const { session, done, taken, connect, receive } = open()
    await connect()
    await receive(statusTopic, status(5))
    expect(session.contest()).toBeUndefined()
    await receive(statusTopic, status(6))
    expect(taken).toEqual(['device-id-in-use'])
    expect(session.contest()).toMatchObject({ code: 'device-id-in-use' })
    vi.advanceTimersByTime(299_999)
    await receive(statusTopic, status(7))
    expect(births(done)).toHaveLength(2)
    vi.advanceTimersByTime(1)
    await receive(statusTopic, status(8))
    expect(births(done)).toHaveLength(3)
  })

  test('of another agent with a copy of the same state is told, though it counts the same numbers', async () => {
    const { taken, done, connect, receive } = open()
    await connect()
    await receive(statusTopic, { ...status(1_000), instance: 'b' })
    expect(births(done)).toHaveLength(2)
    await connect(true)
    await receive(statusTopic, { ...status(1_001), instance: 'b' })
    expect(taken).toEqual(['device-id-in-use'])
  })

  test('says goodbye once, and does not come back after that', async () => {
    const { session, done, connect, receive } = open()
    await connect()
    await session.sayGoodbye()
    expect(done.at(-1)).toBe('publish longshore/v1/gw-1/status offline 1000')
    await receive(statusTopic, status(999, false))
    expect(births(done)).toHaveLength(2)
  })

  test('has nothing to say goodbye to without a link', async () => {
    const { session, done, connect, disconnect } = open()
    await connect()
    disconnect()
    await session.sayGoodbye()
    expect(births(done)).toHaveLength(1)
  })
})

describe('a message', () => {
  test('goes to whom it is for', async () => {
    const { taken, connect, receive } = open()
    await connect()
    await receive(topics.desired('gw-1', 'shop'), '{}')
    await receive(topics.command('gw-1', 'c1'), '{}')
    expect(taken).toEqual(['desired shop 2', 'command c1'])
  })

  test('of an app without a record waits for the full read, which tells what was reported of it before', async () => {
    const { store, taken, connect, receive } = open()
    await store.updateApp('known', () => emptyRecord('known'))
    for (const app of ['known', 'lost']) await receive(topics.desired('gw-1', app), '{}')
    expect(taken).toEqual(['desired known 2'])
    await connect(true)
    await receive(topics.desired('gw-1', 'lost'), '{}')
    expect(taken).toEqual(['desired known 2', 'desired lost 2'])
  })

  test('on a topic of another device or of nobody is ignored', async () => {
    const { taken, receive } = open()
    for (const topic of [topics.desired('gw-2', 'shop'), 'longshore/v1/gw-1/desired', 'other', 'longshore/v1/gw-1/x/y'])
      await receive(topic, '{}')
    expect(taken).toEqual([])
  })

  test('that this device reported before tells the generation below which nothing is accepted', async () => {
    const { session, receive } = open()
    const reported = {
      schema: 1,
      at: 1,
      session: 1,
      app: 'shop',
      generation: 8,
      release: null,
      phase: 'running',
      since: 1,
      running: null,
      services: {},
    }
    expect(session.reportedGeneration('shop')).toBe(0)
    await receive(topics.reported('gw-1', 'shop'), reported)
    await receive(topics.reported('gw-1', 'bad'), 'x')
    expect(session.reportedGeneration('shop')).toBe(8)
    expect(session.reportedGeneration('bad')).toBe(0)
  })
})

test('a report of an app that nobody knows is cleared after all that is desired was read', async () => {
  const { store, taken, connect, receive } = open()
  await store.updateApp('known', () => emptyRecord('known'))
  for (const app of ['known', 'unknown']) await receive(topics.reported('gw-1', app), '{}')
  await connect()
  expect(taken).toEqual([])
  await vi.advanceTimersByTimeAsync(3_000)
  expect(taken).toEqual(['orphan unknown'])
})
