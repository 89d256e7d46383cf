/**
 * Tells a message of a device that was seen already from a new one: a device sends again what it is not sure of, after a
 * lost connection, a kill or a power cut. Memory is bounded; in doubt a message is new, because a message twice does less
 * harm than none.
 */
import type { Queued } from '../protocol/queued.ts'

export type Deduplicator = {
  /** true the first time. @param message as it came: `class`, `epoch` and `seq` are looked at */
  readonly isNew: (device: string, message: Pick<Queued, 'class' | 'epoch' | 'seq'>) => boolean
}

export type DeduplicatorOptions = {
  /** How many runs of a class on a device are remembered; the one heard of longest ago goes. About 1 kB each. */
  readonly mostStreams?: number
}

/** Far more than a device has in flight: of the same run nothing new comes so far behind the newest. */
const windowSize = 1_024

type Stream = {
  highest: number
  /** Bit `seq % windowSize`: seen, of the window that ends at `highest`. */
  readonly seen: Uint32Array
}

export const createDeduplicator = ({ mostStreams = 50_000 }: DeduplicatorOptions = {}): Deduplicator => {
  // A Map keeps the order of insertion: the first is the one heard of longest ago.
  const streams = new Map<string, Stream>()
  return {
    isNew: (device, { class: messageClass, epoch, seq }) => {
      const key = `${device} ${messageClass} ${epoch}`
      const stream = streams.get(key) ?? { highest: 0, seen: new Uint32Array(windowSize / 32) }
      streams.delete(key)
      streams.set(key, stream)
      if (streams.size > mostStreams) streams.delete(streams.keys().next().value as string)
      return mark(stream, seq)
    },
  }
}

/** Notes a number; false where it was noted before, or lies behind the window. */
const mark = (stream: Stream, seq: number): boolean => {
  const { seen } = stream
  if (seq <= stream.highest - windowSize) return false
  if (seq - stream.highest >= windowSize) seen.fill(0)
  // The places of the numbers between are of an older round.
  else for (let skipped = stream.highest + 1; skipped < seq; skipped += 1) setBit(seen, skipped, false)
  const isNew = seq > stream.highest || !hasBit(seen, seq)
  setBit(seen, seq, true)
  stream.highest = Math.max(stream.highest, seq)
  return isNew
}

const hasBit = (bits: Uint32Array, seq: number): boolean => {
  const at = seq % windowSize
  return ((bits[at >>> 5] as number) & (1 << (at & 31))) !== 0
}

const setBit = (bits: Uint32Array, seq: number, isSet: boolean): void => {
  const at = seq % windowSize
  const bit = 1 << (at & 31)
  const word = bits[at >>> 5] as number
  bits[at >>> 5] = isSet ? word | bit : word & ~bit
}
