/**
 * Everything that changes what the broker keeps, as a value; and as bytes in a file. Pure. What the state is, is what comes
 * of applying these in order, at run time as after a restart.
 *
 * What each message costs is binary; the rest is JSON text. A session goes by a number, which is never given again.
 */
import { z } from 'zod'
import { frameBytes, sealFrame } from './frame.ts'

export type QualityOfService = 0 | 1 | 2

export type StoredSubscription = z.infer<typeof subscriptionSchema>
export type StoredWill = z.infer<typeof willSchema>

export type Recipient = { readonly session: number; readonly qos: QualityOfService }

export type PublishOperation = {
  readonly kind: 'publish'
  readonly seq: number
  /** epoch ms; 0 where the clock was not to be believed */
  readonly atMs: number
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QualityOfService
  /** It becomes what is retained on its topic; with no payload, nothing is any more. */
  readonly retain: boolean
  /** In whose queue it waits. */
  readonly to: readonly Recipient[]
}

/** Acknowledged, dropped or too old. */
export type SettleOperation = { readonly kind: 'settle'; readonly session: number; readonly seq: number }

export type Operation = PublishOperation | SettleOperation | z.infer<typeof textSchema>

const subscriptionSchema = z.object({
  topic: z.string(),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  rh: z.number().optional(),
  rap: z.boolean().optional(),
  nl: z.boolean().optional(),
})

const willSchema = z.object({
  topic: z.string(),
  payload: z.base64(),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  retain: z.boolean(),
  /** of which run of the broker */
  brokerId: z.string(),
})

const number = z.int().nonnegative()

const textSchema = z.discriminatedUnion('kind', [
  /** Of one that is there: from now on it is this user's. */
  z.object({ kind: z.literal('session'), session: number, clientId: z.string(), owner: z.string().optional() }),
  z.object({ kind: z.literal('forget'), session: number }),
  /** When its client was last connected, epoch ms; 0: it is now, or nobody knows. */
  z.object({ kind: z.literal('seen'), session: number, atMs: number }),
  z.object({ kind: z.literal('subscribe'), session: number, subscriptions: z.array(subscriptionSchema) }),
  z.object({ kind: z.literal('unsubscribe'), session: number, filters: z.array(z.string()) }),
  /** A message of QoS 2 on its way out, which must keep its packet identifier. */
  z.object({ kind: z.literal('sent'), session: number, seq: number, messageId: number, isReleased: z.boolean() }),
  /** A message of QoS 2 that came in, and whether it is not to be taken again. */
  z.object({ kind: z.literal('incoming'), session: number, messageId: number, isKnown: z.boolean() }),
  z.object({ kind: z.literal('will'), clientId: z.string(), will: willSchema.nullable() }),
  /** A snapshot is whole; `seq` is the highest that was given. */
  z.object({ kind: z.literal('end'), seq: number }),
])

export const sessionOperation = (session: number, clientId: string, owner: string | undefined): Operation => ({
  kind: 'session',
  session,
  clientId,
  ...(owner === undefined ? {} : { owner }),
})

const publishTag = 1
const settleTag = 2
const textTag = 3
const publishFixedBytes = 1 + 6 + 6 + 1 + 2 + 4
const recipientBytes = 5

/** Bytes that grow; what is put in is taken out at once. */
export type FrameBuffer = {
  readonly add: (operation: Operation, seed: number) => void
  readonly size: () => number
  /** What is in it, to be used before the next is added; it is empty then. */
  readonly take: () => Buffer
}

export const createFrameBuffer = (): FrameBuffer => {
  let bytes = Buffer.allocUnsafe(16 * 1024)
  let filled = 0
  const reserve = (more: number): void => {
    if (filled + more <= bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, filled + more))
    bytes.copy(larger, 0, 0, filled)
    bytes = larger
  }
  return {
    add: (operation, seed) => {
      const start = filled
      const text = operation.kind === 'publish' || operation.kind === 'settle' ? undefined : JSON.stringify(operation)
      reserve(frameBytes + mostBytesOf(operation, text))
      filled = encodeBody(bytes, start + frameBytes, operation, text)
      sealFrame(bytes, start, filled, seed)
    },
    size: () => filled,
    take: () => {
      const taken = bytes.subarray(0, filled)
      // The writer keeps what it took; what grew large for once is not kept.
      bytes = Buffer.allocUnsafe(16 * 1024)
      filled = 0
      return taken
    },
  }
}

const mostBytesOf = (operation: Operation, text: string | undefined): number => {
  if (operation.kind === 'publish')
    return (
      publishFixedBytes +
      Buffer.byteLength(operation.topic) +
      operation.to.length * recipientBytes +
      operation.payload.length
    )
  return operation.kind === 'settle' ? 11 : 1 + Buffer.byteLength(text ?? '')
}

const encodeBody = (bytes: Buffer, start: number, operation: Operation, text = ''): number => {
  if (operation.kind === 'publish') return encodePublish(bytes, start, operation)
  if (operation.kind === 'settle') {
    bytes[start] = settleTag
    bytes.writeUInt32BE(operation.session, start + 1)
    return bytes.writeUIntBE(operation.seq, start + 5, 6)
  }
  bytes[start] = textTag
  return start + 1 + bytes.write(text, start + 1)
}

const encodePublish = (bytes: Buffer, start: number, operation: PublishOperation): number => {
  bytes[start] = publishTag
  bytes.writeUIntBE(operation.seq, start + 1, 6)
  bytes.writeUIntBE(operation.atMs, start + 7, 6)
  bytes[start + 13] = operation.qos | (operation.retain ? 4 : 0)
  let at = start + 16
  const topicBytes = bytes.write(operation.topic, at)
  bytes.writeUInt16BE(topicBytes, start + 14)
  at = bytes.writeUInt32BE(operation.to.length, at + topicBytes)
  for (const { session, qos } of operation.to) {
    at = bytes.writeUInt32BE(session, at)
    at = bytes.writeUInt8(qos, at)
  }
  return at + operation.payload.copy(bytes, at)
}

/** undefined for what no version so far has written. */
export const decodeOperation = (body: Buffer): Operation | undefined => {
  switch (body[0]) {
    case publishTag:
      return decodePublish(body)
    case settleTag:
      return body.length < 11
        ? undefined
        : { kind: 'settle', session: body.readUInt32BE(1), seq: body.readUIntBE(5, 6) }
    case textTag:
      return decodeText(body)
    default:
      return undefined
  }
}

const decodePublish = (body: Buffer): PublishOperation | undefined => {
  if (body.length < publishFixedBytes) return undefined
  const topicEnd = 16 + body.readUInt16BE(14)
  if (topicEnd + 4 > body.length) return undefined
  const count = body.readUInt32BE(topicEnd)
  let at = topicEnd + 4
  if (at + count * recipientBytes > body.length) return undefined
  const to: Recipient[] = []
  for (let index = 0; index < count; index += 1, at += recipientBytes)
    to.push({ session: body.readUInt32BE(at), qos: qosOf(body[at + 4]) })
  return {
    kind: 'publish',
    seq: body.readUIntBE(1, 6),
    atMs: body.readUIntBE(7, 6),
    topic: body.toString('utf8', 16, topicEnd),
    // A copy: otherwise one message would keep the whole file in memory.
    payload: Buffer.from(body.subarray(at)),
    qos: qosOf(body[13]),
    retain: ((body[13] ?? 0) & 4) !== 0,
    to,
  }
}

const qosOf = (byte = 0): QualityOfService => ((byte & 3) === 3 ? 2 : byte & 3) as QualityOfService

const decodeText = (body: Buffer): Operation | undefined => {
  try {
    return textSchema.safeParse(JSON.parse(body.toString('utf8', 1))).data
  } catch {
    return undefined
  }
}
