/**
 * Finds where MQTT packets begin and end in a byte stream, and how long each says it is, before any of it is buffered.
 * aedes keeps a packet in memory until it is whole and has no limit of its own: a header of five bytes would do.
 *
 *   header (type, then 1 to 4 length bytes) → body → header …        any of them → refused, for good
 */

export type MeterState =
  | { readonly kind: 'header'; readonly seenBytes: number; readonly lengthSoFar: number }
  | { readonly kind: 'body'; readonly leftBytes: number }
  | MeterRefusal

export type MeterRefusal =
  | { readonly kind: 'too-long'; readonly packetBytes: number }
  /** [MQTT-2.2.3]: the remaining length has at most four bytes. */
  | { readonly kind: 'malformed' }

export const meterStart: MeterState = { kind: 'header', seenBytes: 0, lengthSoFar: 0 }

/** The state after one more chunk; where the chunks are cut makes no difference. */
export const meterChunk = (
  before: MeterState,
  chunk: Uint8Array,
  maxPacketBytes: number,
  onPacket?: (firstByte: number) => void,
): MeterState => {
  let state = before
  let at = 0
  while (at < chunk.length) {
    if (state.kind === 'body') {
      const passedBytes = Math.min(state.leftBytes, chunk.length - at)
      at += passedBytes
      state = bodyOrHeader(state.leftBytes - passedBytes)
    } else if (state.kind === 'header') {
      if (state.seenBytes === 0) onPacket?.(chunk[at] ?? 0)
      state = meterHeaderByte(state, chunk[at] ?? 0, maxPacketBytes)
      at += 1
    } else {
      return state
    }
  }
  return state
}

export const isRefused = (state: MeterState): state is MeterRefusal =>
  state.kind === 'too-long' || state.kind === 'malformed'

const meterHeaderByte = (
  state: Extract<MeterState, { kind: 'header' }>,
  byte: number,
  maxPacketBytes: number,
): MeterState => {
  const seenBytes = state.seenBytes + 1
  if (seenBytes === 1) return { kind: 'header', seenBytes, lengthSoFar: 0 }
  const lengthSoFar = state.lengthSoFar + (byte & 0x7f) * 128 ** (seenBytes - 2)
  if ((byte & 0x80) !== 0)
    return seenBytes > maxLengthBytes ? { kind: 'malformed' } : { kind: 'header', seenBytes, lengthSoFar }
  const packetBytes = seenBytes + lengthSoFar
  return packetBytes > maxPacketBytes ? { kind: 'too-long', packetBytes } : bodyOrHeader(lengthSoFar)
}

const maxLengthBytes = 4

const bodyOrHeader = (leftBytes: number): MeterState => (leftBytes === 0 ? meterStart : { kind: 'body', leftBytes })
