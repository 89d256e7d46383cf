/** Just enough of MQTT 3.1.1 over a bare socket to keep a broker busy: a client library would be the slower of the two. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

const frame = (header: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let left = body.length
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    left >>>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([header, ...length]), body])
}

export const publishFrame = (topic: string, payload: Buffer, messageId: number, retain = false): Buffer =>
  frame(0x32 | (retain ? 1 : 0), text(topic), Buffer.from([messageId >> 8, messageId & 0xff]), payload)

export const subscribeFrame = (filters: readonly string[]): Buffer =>
  frame(0x82, Buffer.from([0, 1]), ...filters.flatMap((filter) => [text(filter), Buffer.from([1])]))

export type Packet = { readonly kind: number; readonly body: Buffer }

/** Connected when it resolves. */
export const openRaw = async (
  port: number,
  clientId: string,
  isClean: boolean,
  onPackets: (packets: readonly Packet[], socket: Socket) => void,
): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  let rest: Buffer = Buffer.alloc(0)
  const welcomed = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      const packets: Packet[] = []
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let packet = split(rest); packet !== undefined; packet = split(rest)) {
        rest = rest.subarray(packet.end)
        if (packet.kind === 0x20) resolve()
        else packets.push(packet)
      }
      if (packets.length > 0) onPackets(packets, socket)
    })
  })
  socket.on('error', () => {})
  const flags = isClean ? 2 : 0
  socket.write(frame(0x10, text('MQTT'), Buffer.from([4, flags, 0, 0]), text(clientId)))
  await welcomed
  return socket
}

const split = (bytes: Buffer): (Packet & { readonly end: number }) | undefined => {
  let length = 0
  for (let at = 1; at < 5; at += 1) {
    const byte = bytes[at]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 128 ** (at - 1)
    if ((byte & 0x80) !== 0) continue
    const end = at + 1 + length
    return end > bytes.length ? undefined : { kind: (bytes[0] ?? 0) & 0xf0, body: bytes.subarray(at + 1, end), end }
  }
  return undefined
}

/** The acknowledgements of all messages of QoS 1 among them. */
export const acknowledge = (packets: readonly Packet[]): Buffer =>
  Buffer.concat(
    packets
      .filter(({ kind }) => kind === 0x30)
      .map(({ body }) => {
        const at = 2 + body.readUInt16BE(0)
        return Buffer.from([0x40, 2, body[at] ?? 0, body[at + 1] ?? 0])
      }),
  )
