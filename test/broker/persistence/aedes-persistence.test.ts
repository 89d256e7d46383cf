/**
 * The suite that aedes-persistence brings for whoever implements it, as far as aedes still asks: not for what is published,
 * and not for the queues of sessions.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createAedesPersistence } from '../../../broker/persistence/aedes-persistence.ts'
import { type Message, openStore } from '../../../broker/persistence/store.ts'
import { memoryOutboxFiles } from '../../support/memory-outbox-files.ts'

type Body = (context: object) => Promise<void>
type Suite = (options: {
  test: (name: string, body: Body) => void
  persistence: () => unknown
  testAsync: true
}) => void

const require = createRequire(import.meta.url)
const runSuite: Suite = require('aedes-persistence/abstract.js')

/** What aedes still asks of it. */
const asked = /^look up|retained message$|storing|subscriptions by client|clean incoming|will message/

/** The suite compares whole packets of the memory that comes with it; this is what aedes looks at. */
const essence = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(essence)
  if (typeof value !== 'object' || value === null) return value
  const { topic, payload, qos, retain, clientId, messageId } = value as Record<string, unknown>
  return { topic, payload: payload === undefined ? undefined : String(payload), qos, retain, clientId, messageId }
}

const lenient = {
  ...assert,
  deepEqual: (actual: unknown, expected: unknown) => expect(essence(actual)).toEqual(essence(expected)),
}

runSuite({
  testAsync: true,
  test: (name, body) => {
    if (asked.test(name)) test(name, () => body({ assert: lenient, plan: () => {}, diagnostic: () => {} }))
  },
  persistence: async () => {
    const store = await openStore({
      files: memoryOutboxFiles(),
      fsync: 'never',
      bounds: {
        maxQueuedBytes: 1e9,
        maxQueuedBytesPerClient: 1e9,
        maxQueuedAgeMs: 1e9,
        sessionExpiryMs: 1e9,
        maxSessions: 1e3,
      },
      nowMs: () => 1,
      salt: () => 'salt',
      isConnected: () => false,
      log: pino({ level: 'silent' }),
    })
    const persistence = createAedesPersistence({
      store,
      isGranted: () => true,
      acknowledged: () => undefined,
      received: () => {},
      ownerOf: () => undefined,
      grantedQos: () => 2,
      pace: (matches) => matches,
    })
    const broker = { id: 'broker-42' }
    await persistence.setup(broker)
    return {
      ...persistence,
      setup: async () => {},
      broker,
      storeRetained: async (message: Message) =>
        void store.publish({ ...message, payload: Buffer.from(message.payload) }),
      createRetainedStream: (filter: string) => persistence.createRetainedStreamCombi([filter]),
    }
  },
})
