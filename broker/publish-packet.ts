/** The bytes of the two packets that the broker itself sends of a session's queue. Pure. Section 3.3 and 3.6 of MQTT 3.1.1. */

export type OutgoingPublish = {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 1 | 2
  readonly messageId: number
  readonly isAgain: boolean
}

export const publishPacket = ({ topic, payload, qos, messageId, isAgain }: OutgoingPublish): Buffer => {
  const topicBytes = Buffer.byteLength(topic)
  const remaining = 2 + topicBytes + 2 + payload.length
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(remaining) + remaining)
  // [MQTT-3.3.1-1]: a packet that is sent again says so.
  bytes[0] = 0x30 | (isAgain ? 0x08 : 0) | (qos << 1)
  let at = writeLength(bytes, 1, remaining)
  at = bytes.writeUInt16BE(topicBytes, at)
  at += bytes.write(topic, at)
  at = bytes.writeUInt16BE(messageId, at)
  payload.copy(bytes, at)
  return bytes
}

export const releasePacket = (messageId: number): Buffer => Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff])

const lengthBytes = (length: number): number => (length < 2 ** 7 ? 1 : length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : 4)

/** Section 2.2.3: seven bits a byte, the lowest first. */
const writeLength = (bytes: Buffer, start: number, length: number): number => {
  let at = start
  let left = length
  do {
    bytes[at] = (left & 0x7f) | (left > 0x7f ? 0x80 : 0)
    left >>>= 7
    at += 1
  } while (left > 0)
  return at
}
