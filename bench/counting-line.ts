/** A line between an agent and its broker that counts what passes at the socket, in both directions. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Passed = {
  /** from the agent, and to it */
  readonly upBytes: number
  readonly downBytes: number
  /** pieces from the agent: with little to say, one a packet */
  readonly pieces: number
}

export type CountingLine = {
  readonly port: number
  readonly passed: () => Passed
  /** Resolves when nothing has passed for a time. */
  readonly quiet: (quietMs: number) => Promise<void>
  /** Ends the connections that there are; new ones are taken. */
  readonly cut: () => void
  readonly close: () => void
}

/** @param port of the broker, on loopback */
export const openCountingLine = async (host: string, port: number): Promise<CountingLine> => {
  const sockets = new Set<Socket>()
  let [upBytes, downBytes, pieces, lastAtMs] = [0, 0, 0, performance.now()]
  const server = createServer((agent) => {
    const broker = connect(port, '127.0.0.1')
    sockets.add(agent)
    agent.on('data', (chunk) => {
      upBytes += chunk.length
      pieces += 1
      lastAtMs = performance.now()
    })
    broker.on('data', (chunk) => {
      downBytes += chunk.length
      lastAtMs = performance.now()
    })
    agent.pipe(broker).pipe(agent)
    for (const [socket, other] of [
      [agent, broker],
      [broker, agent],
    ] as const) {
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        other.destroy()
        sockets.delete(agent)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    passed: () => ({ upBytes, downBytes, pieces }),
    quiet: async (quietMs) => {
      lastAtMs = performance.now()
      while (performance.now() - lastAtMs < quietMs) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    cut,
    close: () => {
      cut()
      server.close()
    },
  }
}
