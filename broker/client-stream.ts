/**
 * What aedes sees of a client: the socket, with a meter on what comes in and a buffer of its own for what goes out.
 * The buffer lets a slow reader fall behind by that much before it slows the broker for everybody else.
 */
import { Duplex } from 'node:stream'
import { LongshoreError } from '../src/protocol/reason.ts'
import { isRefused, type MeterRefusal, type MeterState, meterChunk, meterStart } from './packet-meter.ts'

export type StreamLimits = { readonly maxPacketBytes: number; readonly writeBufferBytes: number }

export const createClientStream = (socket: Duplex, limits: StreamLimits): Duplex => {
  let meter: MeterState = meterStart
  const stream = new Duplex({
    writableHighWaterMark: limits.writeBufferBytes,
    // A client that has said its last word gets no more answers either: as with net's allowHalfOpen false.
    allowHalfOpen: false,
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    writev: (chunks, done) => {
      socket.cork()
      chunks.forEach(({ chunk }, index) => {
        if (index === chunks.length - 1) socket.write(chunk, done)
        else socket.write(chunk)
      })
      socket.uncork()
    },
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    meter = meterChunk(meter, chunk, limits.maxPacketBytes)
    if (isRefused(meter)) stream.destroy(refusalError(meter, limits.maxPacketBytes))
    else if (!stream.push(chunk)) socket.pause()
  })
  socket.on('end', () => void stream.push(null))
  socket.on('error', (error) => void stream.destroy(error))
  socket.on('close', () => void stream.destroy())
  return stream
}

const refusalError = (refusal: MeterRefusal, maxPacketBytes: number): LongshoreError =>
  refusal.kind === 'too-long'
    ? new LongshoreError(
        'payload-too-large',
        `the client sends a packet of ${refusal.packetBytes} bytes, ${maxPacketBytes} are accepted`,
      )
    : new LongshoreError('message-invalid', 'the client sends a packet with a length that MQTT does not know')
