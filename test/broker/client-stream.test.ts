import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { createClientStream } from '../../broker/client-stream.ts'
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
  const stream = createClientStream(socket, limits)
  const sent = Buffer.concat(Array.from({ length: 10_000 }, () => packet(98)))
  for (let at = 0; at < sent.length; at += 10_000) socket.push(sent.subarray(at, at + 10_000))
  await eventually('the socket to be paused', () => socket.isPaused())
  expect(stream.readableLength).toBeLessThan(sent.length / 2)
  const read: Buffer[] = []
  stream.on('data', (chunk: Buffer) => read.push(chunk))
  await eventually('everything to be read', () => Buffer.concat(read).equals(sent))
})

test('a slow reader has writeBufferBytes before anybody waits, and drains in order', async () => {
  const { socket, written, take } = createSocket()
  const stream = createClientStream(socket, limits)
  expect(stream.write(Buffer.alloc(900, 1))).toBe(true)
  expect(stream.write(Buffer.alloc(200, 2))).toBe(false)
  const drained = once(stream, 'drain')
  await eventually('the first to be written', () => written.length === 1)
  take()
  await eventually('the second to be written', () => written.length === 2)
  take()
  await drained
  expect(written.map((chunk) => chunk[0])).toEqual([1, 2])
})

test('a packet that is too long ends stream and socket, and not a byte of its chunk gets through', async () => {
  const { socket } = createSocket()
  const stream = createClientStream(socket, limits)
  const failed = once(stream, 'error')
  socket.push(Buffer.concat([packet(10), Buffer.from([0x30, 0xff, 0x7f])]))
  expect(await failed).toMatchObject([{ code: 'payload-too-large' }])
  expect(stream.readableLength).toBe(0)
  expect(socket.destroyed).toBe(true)
})

test('the end of the socket is the end of the stream, and its error is the error of the stream', async () => {
  const ended = createSocket()
  const first = createClientStream(ended.socket, limits)
  const end = once(first.resume(), 'end')
  ended.socket.push(null)
  await end
  const broken = createSocket()
  const second = createClientStream(broken.socket, limits)
  const failed = once(second, 'error')
  broken.socket.destroy(new Error('reset'))
  expect(await failed).toMatchObject([{ message: 'reset' }])
})
