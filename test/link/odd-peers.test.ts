/** Peers that limit, that garble, that leave in mid-sentence, and addresses that are written oddly. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { eventually } from '../support/eventually.ts'
import { connackAccepted, packetType, startFakePeer } from '../support/fake-peers.ts'
import { connected, openLink } from '../support/open-link.ts'

const oneLetter = { qos: 1, retain: false } as const

/** PUBLISH of MQTT 5 with a topic and a payload of one letter each. */
const publishBytes = 9

test('a broker of MQTT 5 never has more without an acknowledgement than it takes', async () => {
  // CONNACK with Receive Maximum (0x21) 3.
  const connack = Buffer.from([0x20, 6, 0, 0, 3, 0x21, 0, 3])
  let [inFlight, most, seen] = [0, 0, 0]
  const peer = await startFakePeer((chunk, socket) => {
    if (packetType(chunk) === 1) return connack
    for (let at = 0; at < chunk.length; at += publishBytes) {
      inFlight += 1
      seen += 1
      const puback = Buffer.from([0x40, 2, chunk[at + 5] ?? 0, chunk[at + 6] ?? 0])
      setTimeout(() => {
        inFlight -= 1
        socket.write(puback)
      }, 5)
    }
    most = Math.max(most, inFlight)
    return undefined
  })
  const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion: '5' } })
  await connected(opened)
  await Promise.all(Array.from({ length: 20 }, () => opened.link.publish('a', Buffer.from('b'), oneLetter)))
  expect([seen, most, peer.connections()]).toEqual([20, 3, 1])
})

test.each([
  ['a quota', 0x97, 'broker-busy'],
  ['its access rules', 0x87, 'publish-refused'],
])('a message that a broker of MQTT 5 refuses over %s', async (_name, code, expected) => {
  const peer = await startFakePeer((chunk) =>
    packetType(chunk) === 1
      ? Buffer.from([0x20, 3, 0, 0, 0])
      : Buffer.from([0x40, 3, chunk[5] ?? 0, chunk[6] ?? 0, code]),
  )
  const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion: '5' } })
  await connected(opened)
  await expect(opened.link.publish('a', Buffer.from('b'), oneLetter)).rejects.toMatchObject({ code: expected })
  expect(opened.link.isConnected()).toBe(true)
})

test('what stands behind much on a thin link has time for all of it', async () => {
  const delayMs = 300
  const peer = await startFakePeer((chunk, socket) => {
    if (packetType(chunk) === 1) return connackAccepted
    if (packetType(chunk) !== 3 || chunk.length < 100) return undefined
    // The packet id stands behind the topic; the next message has the next one.
    const [first, second] = [chunk.readUInt16BE(6), chunk.readUInt16BE(6) + 1]
    setTimeout(() => {
      for (const id of [first, second]) socket.write(Buffer.from([0x40, 2, id >> 8, id & 255]))
    }, delayMs)
    return undefined
  })
  const opened = openLink(peer.url, { acknowledgeMs: 100 })
  await connected(opened)
  await Promise.all([
    opened.link.publish('a', Buffer.alloc(2_000), oneLetter),
    opened.link.publish('a', Buffer.from('b'), oneLetter),
  ])
  expect(peer.connections()).toBe(1)
})

test('what waits for its turn ends with the connection, and goes out on no other', async () => {
  const connack = Buffer.from([0x20, 6, 0, 0, 3, 0x21, 0, 1])
  let seen = 0
  const peer = await startFakePeer((chunk, socket) => {
    if (packetType(chunk) === 1) return connack
    seen += 1
    socket.destroy()
    return undefined
  })
  const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion: '5' } })
  await connected(opened)
  const sent = await Promise.allSettled(
    Array.from({ length: 3 }, () => opened.link.publish('a', Buffer.from('b'), oneLetter)),
  )
  expect(sent).toMatchObject(Array(3).fill({ status: 'rejected', reason: { code: 'link-down' } }))
  await eventually('another connection', () => peer.connections() > 1)
  await connected(opened)
  expect(seen).toBe(1)
})

test.each([
  ['garbage', [0xff, 0xff, 0xff, 0xff, 0xff]],
  ['a packet that no broker sends', [0x00, 0x00]],
  ['a second CONNACK', [...connackAccepted]],
])('%s behind the CONNACK ends the connection at once, not with the keepalive', async (_name, bytes) => {
  const peer = await startFakePeer((chunk) =>
    packetType(chunk) === 1 ? Buffer.concat([connackAccepted, Buffer.from(bytes)]) : undefined,
  )
  const opened = openLink(peer.url)
  await eventually('a failure', () => opened.failures.length > 0, { timeoutMs: 2_000 })
  expect(opened.link.isConnected()).toBe(false)
})

test('a broker of MQTT 5 that says goodbye and forgets to hang up is left, with its reason', async () => {
  const goodbye = Buffer.from([0x20, 3, 0, 0, 0, 0xe0, 2, 0x8b, 0])
  const peer = await startFakePeer((chunk) => (packetType(chunk) === 1 ? goodbye : undefined))
  const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion: '5' } })
  await eventually('a failure', () => opened.failures.length > 0, { timeoutMs: 2_000 })
  expect(opened.failures[0]?.message).toContain('is being shut down (139)')
})

test.each(['mqtt', 'mqtts', 'ws', 'wss'])(
  '%s: a peer that takes the connection and says nothing is left in time',
  async (scheme) => {
    const peer = await startFakePeer(() => undefined)
    const opened = openLink(peer.url.replace('mqtt', scheme), { connectTimeoutMs: 200 })
    await eventually('another connection', () => peer.connections() > 1, { timeoutMs: 2_000 })
    expect(opened.failures[0]).toMatchObject({
      code: 'broker-unreachable',
      message: expect.stringContaining('connectTimeoutS'),
    })
  },
)

/** A broker behind WebSockets on an address of IPv6; hands back what it was asked for. */
const startWebSocketPeer = async (): Promise<{ readonly port: number; readonly asked: string[] }> => {
  const asked: string[] = []
  const server = new WebSocketServer({ port: 0, host: '::1' })
  server.on('connection', (socket, request) => {
    asked.push(`${request.url} ${request.headers['sec-websocket-protocol']}`)
    socket.once('message', () => socket.send(connackAccepted))
  })
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, asked }
}

test('WebSockets on an address of IPv6, with a path', async () => {
  const { port, asked } = await startWebSocketPeer()
  const opened = openLink(`ws://[::1]:${port}/mqtt?site=a`)
  await connected(opened)
  expect(asked).toEqual(['/mqtt?site=a mqtt'])
})

test('TCP on an address of IPv6', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.write(connackAccepted))).listen(0, '::1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  await connected(openLink(`mqtt://[::1]:${(server.address() as AddressInfo).port}`))
})

test.each([
  ['gw%401:p%3Aa%2Fss', 'gw@1\u0000\u0006p:a/ss'],
  ['gw:100%', 'gw\u0000\u0004100%'],
])('user and password in an address are sent as they are: %s', async (written, sent) => {
  let connect = ''
  const peer = await startFakePeer((chunk) => {
    connect = chunk.toString('latin1')
    return connackAccepted
  })
  await connected(openLink(peer.url.replace('//', `//${written}@`)))
  expect(connect.endsWith(sent)).toBe(true)
})

test('a client id in an address changes nothing: the session is that of the device', async () => {
  let connect = ''
  const peer = await startFakePeer((chunk) => {
    connect = chunk.toString('latin1')
    return connackAccepted
  })
  await connected(openLink(`${peer.url}?clientId=somebody`, { clientId: 'gw-1' }))
  expect(connect).toMatch(/gw-1$/)
})

test('what fails after a stop is not tried again', async () => {
  let asked = 0
  let fail = (): void => undefined
  const { link, failures } = openLink('mqtt://127.0.0.1:1', {
    beforeConnect: () => {
      asked += 1
      return new Promise((_, reject) => {
        fail = () => reject(new Error('no disk'))
      })
    },
  })
  await link.stop()
  fail()
  await new Promise(setImmediate)
  expect([asked, failures]).toEqual([1, []])
})
