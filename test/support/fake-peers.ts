/** Peers that a client may meet on the network and that no real broker would be. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export const connackAccepted = Buffer.from([0x20, 2, 0, 0])

/** Listens until the end of the test and answers each chunk with what `answer` makes of it. */
export const startFakePeer = async (
  answer: (chunk: Buffer, socket: Socket) => Buffer | undefined,
): Promise<{ readonly url: string; readonly connections: () => number; readonly close: () => Promise<void> }> => {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined) // a client that went away is what some tests are about
    socket.on('data', (chunk) => {
      const reply = answer(chunk, socket)
      if (reply !== undefined) socket.write(reply)
    })
  }).listen(0, '127.0.0.1')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  onTestFinished(close)
  await once(server, 'listening')
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections, close }
}

export const packetType = (chunk: Buffer): number => (chunk[0] ?? 0) >> 4

/** A SUBACK with one code for each filter of a SUBSCRIBE [MQTT-3.8.4-5], in one chunk with a header of any length. */
export const subscribed = (chunk: Buffer, code: number): Buffer => {
  let at = 1
  while (((chunk[at] ?? 0) & 0x80) !== 0) at += 1
  const packetId = chunk.subarray(at + 1, at + 3)
  let filters = 0
  for (at += 3; at + 2 < chunk.length; at += 3 + chunk.readUInt16BE(at)) filters += 1
  return Buffer.concat([Buffer.from([0x90, 2 + filters]), packetId, Buffer.alloc(filters, code)])
}

/** The answer of a broker that takes every client and refuses every subscription. */
export const refusingSubscriptions = (chunk: Buffer): Buffer | undefined => {
  if (packetType(chunk) === 1) return connackAccepted
  if (packetType(chunk) === 8) return subscribed(chunk, 0x80)
  // UNSUBSCRIBE is always granted. MQTT 3.1.1, 3.10.4.
  if (packetType(chunk) === 10) return Buffer.from([0xb0, 2, chunk[2] ?? 0, chunk[3] ?? 0])
  return undefined
}
