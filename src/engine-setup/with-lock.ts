/**
 * One at a time on this machine, over processes. The lock is an abstract unix socket: the kernel frees it when its
 * holder ends, however it ends, so that there is no stale lock to break (breaking a lock file races with its next owner).
 */
import { createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export const withLock = async <T>(
  name: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> => {
  const server = await acquire(name, options)
  try {
    return await work()
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

const acquire = async (
  name: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Server> => {
  const deadlineMs = Date.now() + options.timeoutMs
  for (;;) {
    options.signal?.throwIfAborted()
    const server = await tryAcquire(name)
    if (server !== undefined) return server
    if (Date.now() > deadlineMs)
      throw new Error(`waiting for the lock ${name} took longer than ${options.timeoutMs} ms`)
    await delay(100)
  }
}

const tryAcquire = (name: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(`\0${name}`, () => resolve(server))
  })
