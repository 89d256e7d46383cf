import type { PublishPacket } from 'aedes'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { OrderedAedes } from '../../broker/ordered-aedes.ts'
import { openStore } from '../../broker/persistence/store.ts'
import { eventually } from '../support/eventually.ts'
import { memoryOutboxFiles } from '../support/memory-outbox-files.ts'

const openOrdered = async () => {
  const disk = memoryOutboxFiles()
  /** Called when the disk may go on. */
  let held: (() => void)[] | undefined
  const store = await openStore({
    files: {
      ...disk,
      create: async (name) => {
        const file = await disk.create(name)
        const append = async (bytes: Buffer): Promise<void> => {
          if (held !== undefined) await new Promise<void>((resolve) => held?.push(resolve))
          await file.append(bytes)
        }
        return { ...file, append }
      },
    },
    fsync: 'interval',
    bounds: {
      maxQueuedBytes: 1e9,
      maxQueuedBytesPerClient: 1e9,
      maxQueuedAgeMs: 1e9,
      sessionExpiryMs: 1e9,
      maxSessions: 9,
    },
    nowMs: () => 1,
    salt: () => 'salt',
    isConnected: () => true,
    log: pino({ level: 'silent' }),
  })
  const aedes = new OrderedAedes({}, store, () => {})
  await aedes.listen()
  onTestFinished(() => new Promise<void>((resolve) => aedes.close(resolve)).then(store.close))
  const received: string[] = []
  aedes.subscribe(
    't/#',
    ({ payload }, done) => {
      received.push(String(payload))
      done()
    },
    () => {},
  )
  return {
    aedes,
    received,
    holdDisk: () => {
      held = []
    },
    letDiskGo: () => {
      const waiting = held ?? []
      held = undefined
      for (const go of waiting) go()
    },
  }
}

const packet = (text: string, changes: Partial<PublishPacket> = {}): PublishPacket => ({
  cmd: 'publish',
  topic: 't/a',
  payload: Buffer.from(text),
  qos: 1,
  retain: true,
  dup: false,
  ...changes,
})

test('a message of QoS 1 is acknowledged once the disk has it, is handed on before, and only once', async () => {
  const { aedes, received, holdDisk, letDiskGo } = await openOrdered()
  holdDisk()
  const message = packet('x')
  let isDone = false
  aedes.publishFirst(message, null, () => {
    isDone = true
  })
  await eventually('it to be handed on', () => received.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(isDone).toBe(false)
  letDiskGo()
  await eventually('it to be acknowledged', () => isDone)
  await new Promise<void>((resolve) => aedes.publish(message, () => resolve()))
  expect(received).toEqual(['x'])
})

test('messages of one tick are handed on in order, whatever has to be done for each', async () => {
  const { aedes, received } = await openOrdered()
  const kinds = [
    { qos: 0, retain: true },
    { qos: 0, retain: false },
    { qos: 1, retain: true },
    { qos: 2, retain: false },
  ] as const
  for (let n = 0; n < 100; n += 1) aedes.publish(packet(String(n), kinds[n % 4]), () => {})
  await eventually('all of it', () => received.length === 100)
  expect(received).toEqual(Array.from({ length: 100 }, (_, n) => String(n)))
})
