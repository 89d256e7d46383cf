/** A line between an agent and its broker that a test may cut, freeze and slow down. The broker keeps its sessions. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export type TcpLine = {
  readonly url: string
  /** Ends what there is and takes nothing new. */
  readonly cut: () => void
  /** Nothing passes any more, and nobody is told: as in a tunnel. What was sent meanwhile arrives after `mend`. */
  readonly freeze: () => void
  readonly mend: () => void
  /** Each piece is late by so much; a share of the connections is cut within their first seconds. */
  readonly slow: (delay: { readonly ms: number; readonly jitterMs: number; readonly cutShare: number }) => void
  readonly connections: () => number
  readonly passedBytes: () => number
}

/**
 * @param port of the broker on loopback
 * @param host where the line listens
 */
export const openLine = async (port: number, host = '127.0.0.1'): Promise<TcpLine> => {
  const sockets = new Set<Socket>()
  const frozen = new Set<Socket>()
  let [isCut, isFrozen, connections, passedBytes] = [false, false, 0, 0]
  let delay = { ms: 0, jitterMs: 0, cutShare: 0 }

  const pass = (from: Socket, to: Socket): void => {
    let lastAtMs = 0
    from.on('data', (chunk: Buffer) => {
      passedBytes += chunk.length
      if (delay.ms === 0) {
        if (!to.write(chunk)) {
          from.pause()
          to.once('drain', () => isFrozen || from.resume())
        }
        return
      }
      // In order, however the jitter falls.
      lastAtMs = Math.max(lastAtMs, performance.now() + delay.ms + (Math.random() * 2 - 1) * delay.jitterMs)
      setTimeout(() => to.destroyed || to.write(chunk), lastAtMs - performance.now())
    })
  }

  const server = createServer((inner) => {
    if (isCut) {
      inner.destroy()
      return
    }
    connections += 1
    const outer = connect(port, '127.0.0.1')
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      if (isFrozen) {
        socket.pause()
        frozen.add(socket)
      }
      socket.on('error', () => undefined) // cutting is what it is for
      socket.on('close', () => {
        for (const end of [inner, outer]) {
          end.destroy()
          sockets.delete(end)
          frozen.delete(end)
        }
      })
    }
    pass(inner, outer)
    pass(outer, inner)
    if (Math.random() < delay.cutShare) setTimeout(() => inner.destroy(), Math.random() * 5_000)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const cut = (): void => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    url: `mqtt://${host}:${(server.address() as AddressInfo).port}`,
    cut,
    freeze: () => {
      isFrozen = true
      for (const socket of sockets) {
        socket.pause()
        frozen.add(socket)
      }
    },
    mend: () => {
      isCut = false
      isFrozen = false
      for (const socket of frozen) socket.resume()
      frozen.clear()
    },
    slow: (change) => {
      delay = change
    },
    connections: () => connections,
    passedBytes: () => passedBytes,
  }
}
