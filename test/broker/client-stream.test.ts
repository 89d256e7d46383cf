import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { ClientStream } from '../../broker/client-stream.ts'
import { eventually } from '../support/eventually.ts'

const limits = { maxPacketBytes: 10_000, writeBufferBytes: 1_000 }

/** A socket with nothing behind it: what comes in is pushed by the test, what goes out waits until `take` is called. */
const createSocket = () => {
  const written: Buffer[] = []
  const waiting: (() => void)[] = []
  const socket = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      written.push(chunk)
      waiting.push(() => done())
    },
  })
  return { socket, written, take: () => waiting.shift()?.() }
}

const packet = (bodyBytes: number) => Buffer.concat([Buffer.from([0x30, bodyBytes]), Buffer.alloc(bodyBytes)])

test('what nobody reads stays in the socket, and comes whole when somebody does', async () => {
  const { socket } = createSocket()
  const stream = new ClientStream(socket, limits)
  const sent = Buffer.concat(Array.from({ length: 10_000 }, () => packet(98)))
  for (let at = 0; at < sent.length; at += 10_000) socket.push(sent.subarray(at, at + 10_000))
  await eventually('the socket to be paused', () => socket.isPaused())
  expect(stream.readableLength).toBeLessThan(sent.length / 2)
  const read: Buffer[] = []
  stream.on('data', (chunk: Buffer) => read.push(chunk))
  await eventually('everything to be read', () => Buffer.concat(read).equals(sent))
})

test('writing never waits, what is written goes out in order, and who is behind can be asked', async () => {
  const { socket, written, take } = createSocket()
  const stream = new ClientStream(socket, limits)
  for (let n = 0; n < 20; n += 1) expect(stream.write(Buffer.alloc(100, n))).toBe(true)
  expect(stream.isBehind()).toBe(true)
  let hasRoom = false
  stream.onRoom(() => {
    hasRoom = true
  })
  await eventually('everything to go out', () => {
    take()
    return Buffer.concat(written).length === 2_000
  })
  expect(Buffer.concat(written).equals(Buffer.concat(Array.from({ length: 20 }, (_, n) => Buffer.alloc(100, n))))).toBe(
    true,
  )
  await eventually('room', () => {
    take()
    return hasRoom
  })
  expect(stream.isBehind()).toBe(false)
})

test('a packet far longer than the buffer goes out; many of them close who does not read', async () => {
  const { socket } = createSocket()
  const stream = new ClientStream(socket, limits)
  const failed = once(stream, 'error')
  stream.write(Buffer.alloc(100_000))
  expect(stream.destroyed).toBe(false)
  stream.write(Buffer.alloc(1))
  expect(await failed).toMatchObject([{ code: 'reader-too-slow' }])
})

test('who takes nothing for a time is closed; who takes a little, however slowly, is not', async () => {
  const { socket, take } = createSocket()
  const stream = new ClientStream(socket, { ...limits, writeBufferBytes: 1_000_000 })
  const failed = once(stream, 'error')
  stream.write(Buffer.alloc(200_000))
  for (let second = 0; second < 5; second += 1) {
    for (let tick = 0; tick < 2; tick += 1) stream.tick(2)
    take()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(stream.destroyed).toBe(false)
  for (let tick = 0; tick < 4; tick += 1) stream.tick(2)
  expect(await failed).toMatchObject([{ code: 'reader-too-slow' }])
})

test('an idle client is not one that reads slowly', () => {
  const { socket } = createSocket()
  const stream = new ClientStream(socket, limits)
  for (let tick = 0; tick < 100; tick += 1) stream.tick(2)
  expect(stream.destroyed).toBe(false)
})

test('a packet that is too long ends stream and socket, and not a byte of its chunk gets through', async () => {
  const { socket } = createSocket()
  const stream = new ClientStream(socket, limits)
  const failed = once(stream, 'error')
  socket.push(Buffer.concat([packet(10), Buffer.from([0x30, 0xff, 0x7f])]))
  expect(await failed).toMatchObject([{ code: 'payload-too-large' }])
  expect(stream.readableLength).toBe(0)
  expect(socket.destroyed).toBe(true)
})

test('the end of the socket is the end of the stream, and its error is the error of the stream', async () => {
  const ended = createSocket()
  const first = new ClientStream(ended.socket, limits)
  const end = once(first.resume(), 'end')
  ended.socket.push(null)
  await end
  const broken = createSocket()
  const second = new ClientStream(broken.socket, limits)
  const failed = once(second, 'error')
  broken.socket.destroy(new Error('reset'))
  expect(await failed).toMatchObject([{ message: 'reset' }])
})
