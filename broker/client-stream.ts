/**
 * What aedes sees of a client: the socket, with a meter on what comes in and a queue of its own for what goes out. Writing
 * to it never waits, so that nobody waits for a client that does not read; who writes asks `isBehind` first, and a client
 * that lets far more than that gather, or takes nothing at all for a time, is closed.
 */
import { Duplex } from 'node:stream'
import { LongshoreError } from '../src/protocol/reason.ts'
import { isRefused, type MeterRefusal, type MeterState, meterChunk, meterStart } from './packet-meter.ts'

export type StreamLimits = {
  readonly maxPacketBytes: number
  /** What a client may be behind with reading before what can be left out is left out. Four times as much ends it. */
  readonly writeBufferBytes: number
}

/** Of all clients together, since the broker started. */
export type Traffic = {
  bytesReceived: number
  bytesSent: number
  /** Packets of MQTT of any kind… */
  messagesReceived: number
  messagesSent: number
  /** …and those that carry a message. */
  publishesReceived: number
  publishesSent: number
}

export const noTraffic = (): Traffic => ({
  ...{ bytesReceived: 0, messagesReceived: 0, publishesReceived: 0 },
  ...{ bytesSent: 0, messagesSent: 0, publishesSent: 0 },
})

/** Counts for all connections together: each of thousands with functions of its own would cost memory for nothing. */
export type TrafficCount = {
  readonly traffic: Traffic
  readonly received: (firstByte: number) => void
  readonly sent: (firstByte: number) => void
}

export const countTraffic = (traffic: Traffic): TrafficCount => ({
  traffic,
  received: (firstByte) => {
    traffic.messagesReceived += 1
    if (isPublish(firstByte)) traffic.publishesReceived += 1
  },
  sent: (firstByte) => {
    traffic.messagesSent += 1
    if (isPublish(firstByte)) traffic.publishesSent += 1
  },
})

/** The type of a packet stands in the upper half of its first byte: section 2.2.1. */
const isPublish = (firstByte: number): boolean => firstByte >> 4 === 3

type Done = (error?: Error | null) => void

/** What is given to the socket at once: small enough that a slow link is seen to take something. */
const pieceBytes = 32 * 1024

/** What is held back for a slow reader at most, in parts of `writeBufferBytes`. */
const closeAtTimes = 4

export class ClientStream extends Duplex {
  readonly #socket: Duplex
  readonly #limits: StreamLimits
  readonly #count: TrafficCount
  #meter: MeterState = meterStart
  #outMeter: MeterState = meterStart
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  #isSending = false
  #tookSome = false
  #stillTicks = 0
  #acceptedBytes = 0
  #ended: Done | undefined
  #roomWaiters: (() => void)[] = []

  constructor(socket: Duplex, limits: StreamLimits, count: TrafficCount = countTraffic(noTraffic())) {
    // A client that has said its last word gets no more answers either: as with net's allowHalfOpen false.
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER, allowHalfOpen: false })
    this.#socket = socket
    this.#limits = limits
    this.#count = count
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => void this.push(null))
    socket.on('error', (error) => void this.destroy(error))
    socket.on('close', () => void this.destroy())
  }

  /** Whether more should wait, or be left out. */
  isBehind(): boolean {
    return this.#queuedBytes > this.#limits.writeBufferBytes
  }

  /** Everything that was ever written to it. */
  acceptedBytes(): number {
    return this.#acceptedBytes
  }

  /** Once, when half of the buffer is free again, or when it is closed. */
  onRoom(call: () => void): void {
    this.#roomWaiters.push(call)
  }

  /** To be called once a second. @param mostTicks closed, when it has taken nothing for so many */
  tick(mostTicks: number): void {
    this.#stillTicks = this.#isSending && !this.#tookSome ? this.#stillTicks + 1 : 0
    this.#tookSome = false
    if (this.#stillTicks > mostTicks)
      this.destroy(new LongshoreError('reader-too-slow', `the client has read nothing for ${mostTicks} s`))
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#enqueue(chunk)
    this.#send()
    done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    for (const { chunk } of chunks) this.#enqueue(chunk)
    this.#send()
    done()
  }

  override _final(done: Done): void {
    this.#ended = done
    this.#send()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#socket.destroy()
    this.#queue.length = 0
    this.#tellRoom()
    done(error)
  }

  #receive(chunk: Buffer): void {
    const { maxPacketBytes } = this.#limits
    this.#count.traffic.bytesReceived += chunk.length
    this.#meter = meterChunk(this.#meter, chunk, maxPacketBytes, this.#count.received)
    if (isRefused(this.#meter)) this.destroy(refusalError(this.#meter, maxPacketBytes))
    else if (!this.push(chunk)) this.#socket.pause()
  }

  #enqueue(chunk: Buffer): void {
    this.#queue.push(chunk)
    this.#queuedBytes += chunk.length
    this.#acceptedBytes += chunk.length
    this.#outMeter = meterChunk(this.#outMeter, chunk, Number.POSITIVE_INFINITY, this.#count.sent)
    if (this.#queuedBytes > closeAtTimes * this.#limits.writeBufferBytes && this.#queue.length > 1)
      this.destroy(
        new LongshoreError('reader-too-slow', `the client is ${this.#queuedBytes} bytes behind with reading`),
      )
  }

  #send(): void {
    if (this.#isSending || this.destroyed) return
    const piece = this.#takePiece()
    if (piece === undefined) {
      if (this.#ended !== undefined) this.#socket.end(this.#ended)
      return
    }
    this.#isSending = true
    this.#socket.write(piece, () => {
      this.#isSending = false
      this.#tookSome = true
      this.#count.traffic.bytesSent += piece.length
      this.#queuedBytes -= piece.length
      if (this.#queuedBytes * 2 <= this.#limits.writeBufferBytes) this.#tellRoom()
      this.#send()
    })
  }

  #takePiece(): Buffer | undefined {
    const first = this.#queue[0]
    if (first === undefined) return undefined
    if (first.length >= pieceBytes) {
      if (first.length === pieceBytes) this.#queue.shift()
      else this.#queue[0] = first.subarray(pieceBytes)
      return first.subarray(0, pieceBytes)
    }
    let count = 0
    let bytes = 0
    for (const chunk of this.#queue) {
      if (count > 0 && bytes + chunk.length > pieceBytes) break
      bytes += chunk.length
      count += 1
    }
    const taken = this.#queue.splice(0, count)
    return taken.length === 1 ? first : Buffer.concat(taken, bytes)
  }

  #tellRoom(): void {
    const waiters = this.#roomWaiters
    if (waiters.length === 0) return
    this.#roomWaiters = []
    for (const call of waiters) call()
  }
}

const refusalError = (refusal: MeterRefusal, maxPacketBytes: number): LongshoreError =>
  refusal.kind === 'too-long'
    ? new LongshoreError(
        'payload-too-large',
        `the client sends a packet of ${refusal.packetBytes} bytes, ${maxPacketBytes} are accepted`,
      )
    : new LongshoreError('message-invalid', 'the client sends a packet with a length that MQTT does not know')
