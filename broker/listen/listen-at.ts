/** Binds a server to its address, or says why that cannot be. */
import { chmod, lstat, rm } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { ListenerSettings } from './listener-settings.ts'

/** The user that the broker runs as, and its group. */
const socketMode = 0o660

/** @throws LongshoreError port-unavailable */
export const listenAt = async (server: Server, listener: ListenerSettings): Promise<void> => {
  if (listener.type !== 'unix') {
    const { host, port } = listener
    return listen(server, { host, port }, `${host} port ${port}`)
  }
  const { path } = listener
  if (await isLeftOver(path)) await rm(path, { force: true })
  await listen(server, { path }, path)
  await chmod(path, socketMode)
}

const listen = (
  server: Server,
  place: { readonly host: string; readonly port: number } | { readonly path: string },
  name: string,
): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new LongshoreError('port-unavailable', `listening on ${name}: ${describe(cause)}`, { cause })),
    )
    server.listen(place, resolve)
  })

/** What a broker that was killed left there is in the way. */
const isLeftOver = async (path: string): Promise<boolean> => {
  const isSocket = await lstat(path).then(
    (found) => found.isSocket(),
    () => false,
  )
  return isSocket && !(await isServed(path))
}

const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'))
  })

const describe = (cause: NodeJS.ErrnoException): string => {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'something else listens there'
    case 'EACCES':
      return 'ports below 1024 need root or CAP_NET_BIND_SERVICE, and a socket a folder that this user may write to'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address'
    case 'ENOENT':
      return 'its folder does not exist'
    default:
      return cause.message
  }
}
