import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { resolveListeners } from '../../../broker/listen/listener-settings.ts'
import { type ListenerInput, openListener } from '../../../broker/listen/open-listener.ts'
import { eventually } from '../../support/eventually.ts'

const open = async (changes: Partial<ListenerInput> = {}) => {
  const seen = { accepted: 0, left: 0 }
  const [listener] = resolveListeners([{ type: 'ws', host: '127.0.0.1', port: 0, allowedOrigins: [] }], {
    hasUsers: false,
  })
  if (listener === undefined) throw new Error('no listener')
  const opened = await openListener({
    listener,
    tls: undefined,
    maxFrameBytes: 1_000,
    handshakeMs: 60_000,
    enter: () => true,
    left: () => {
      seen.left += 1
    },
    accept: () => {
      seen.accepted += 1
    },
    refused: () => {},
    ...changes,
  })
  onTestFinished(opened.close)
  const socket = connect(opened.port ?? 0, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return { ...opened, seen, socket }
}

test('who does not get through the handshake in time is closed', async () => {
  const { seen, socket } = await open({ handshakeMs: 50 })
  // One that goes on writing is not quicker for that.
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n')
  await once(socket, 'close')
  await eventually('it to be counted off', () => seen.left === 1)
  expect(seen.accepted).toBe(0)
})

test('who may not come in gets no handshake, and is not counted off', async () => {
  const { seen, socket } = await open({ enter: () => false })
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'close')
  expect(socket.bytesRead).toBe(0)
  expect(seen).toEqual({ accepted: 0, left: 0 })
})

test('closing waits for nobody who is still in the handshake', async () => {
  const { close, seen, socket } = await open()
  await once(socket, 'connect')
  socket.write('GET')
  await close()
  await eventually('it to be counted off', () => seen.left === 1)
})
