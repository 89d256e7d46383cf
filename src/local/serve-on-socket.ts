/** HTTP on a unix socket. A daemon whose socket cannot be opened goes on without it: its work comes first. */
import { chmod, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { Logger } from 'pino'

export type LocalServer = { readonly stop: () => Promise<void> }

export type SocketInput = {
  readonly server: Server
  readonly socketPath: string
  /** of the socket: who may connect */
  readonly mode: number
  /** what cannot be done without it */
  readonly what: string
  readonly log: Logger
}

export const serveOnSocket = async ({ server, socketPath, mode, what, log }: SocketInput): Promise<LocalServer> => {
  try {
    if (await isAnswered(socketPath)) throw new Error('another one listens there')
    await rm(socketPath, { force: true })
    await listen(server, socketPath)
    await chmod(socketPath, mode)
  } catch (error) {
    log.warn(
      { code: 'state-unusable', path: socketPath },
      `no socket for ${what}: ${(error as Error).message}; going on without`,
    )
    return { stop: async () => undefined }
  }
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Made with no rights for others from its first moment on: there is no time in which anybody could connect. */
const listen = (server: Server, socketPath: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    try {
      server.listen(socketPath, () => resolve())
    } finally {
      process.umask(before)
    }
  })

/** Whether anybody listens there; what a killed one left behind answers nobody. */
export const isAnswered = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
