/** Packets that no client should send: whatever they cost their sender, the broker stays as it was. For one test. */
import { connect } from 'node:net'
import fc from 'fast-check'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import { eventually } from './eventually.ts'
import { openClient } from './mqtt.ts'

const packetsEach = 25

/** One of each kind, well-formed: CONNECT is sent before them. */
const wellFormed = [
  '300700036d2f786869', // PUBLISH QoS 0
  '320900036d2f7800016869', // QoS 1
  '340900036d2f7800026869', // QoS 2
  '310700036d2f786869', // retained
  '62020002', // PUBREL
  '40020001', // PUBACK
  '50020001', // PUBREC
  '70020001', // PUBCOMP
  '8208000100036d2f2301', // SUBSCRIBE
  'a207000200036d2f23', // UNSUBSCRIBE
  'c000', // PINGREQ
  '101200044d5154540402003c0006666f7267656403', // a second CONNECT
  '20020000', // CONNACK
].map((hex) => Buffer.from(hex, 'hex'))

const connectPacket = (id: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x10, 12 + id.length, 0, 4]),
    Buffer.from('MQTT'),
    Buffer.from([4, 0, 0, 60, 0, id.length]),
    Buffer.from(id),
  ])

const mutated = fc
  .tuple(
    fc.constantFrom(...wellFormed),
    fc.array(fc.tuple(fc.nat(24), fc.nat(255)), { maxLength: 3 }),
    fc.nat(30),
    fc.uint8Array({ maxLength: 4 }),
  )
  .map(([packet, changes, cut, more]) => {
    const bytes = Buffer.concat([packet, more])
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return bytes.subarray(0, Math.max(1, bytes.length - (cut > 20 ? cut - 20 : 0)))
  })

const sendAll = (port: number, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.resume()
    socket.setTimeout(500, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })

export const expectNoHarmOfMalformed = async (packets: number): Promise<void> => {
  const broker = createBroker({ log: pino({ level: 'silent' }), port: 0, maxConnectRate: 1e6 })
  onTestFinished(broker.stop)
  const { port } = await broker.start()
  const bystander = await openClient(`mqtt://127.0.0.1:${port}`)
  await bystander.client.subscribeAsync('alive', { qos: 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(mutated, { minLength: packetsEach, maxLength: packetsEach }), { minLength: 10, maxLength: 10 }),
      async (clients) => {
        await Promise.all(
          clients.map((list, n) =>
            sendAll(port, Buffer.concat([...(n === 0 ? [] : [connectPacket(`fuzz-${n}`)]), ...list])),
          ),
        )
        expect(bystander.isClosed()).toBe(false)
      },
    ),
    { numRuns: Math.ceil(packets / packetsEach / 10), endOnFailure: true },
  )
  await bystander.client.publishAsync('alive', 'yes', { qos: 1 })
  await bystander.expect('alive', 'yes')
  await eventually('their connections to be gone', () => broker.counts()?.connections === 1)
  expect(broker.counts()?.sessions).toBeLessThanOrEqual(10)
}
