/** A door before the real engine that can be shut: for an agent, an engine that went away and came back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'

export type EngineProxy = {
  readonly url: string
  readonly open: () => Promise<void>
  readonly shut: () => Promise<void>
}

export const createEngineProxy = async (): Promise<EngineProxy> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-engine-'))
  const path = join(folder, 'engine.sock')
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const shut = async (): Promise<void> => {
    const closing = server
    server = undefined
    for (const socket of sockets) socket.destroy()
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve))
  }
  const open = async (): Promise<void> => {
    server = createServer((inner) => {
      const outer = connect(inject('socketPath'))
      for (const socket of [inner, outer]) {
        sockets.add(socket)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          inner.destroy()
          outer.destroy()
        })
      }
      inner.pipe(outer).pipe(inner)
    })
    await new Promise<void>((resolve) => server?.listen(path, resolve))
  }
  onTestFinished(async () => {
    await shut()
    await rm(folder, { recursive: true, force: true })
  })
  return { url: `unix://${path}`, open, shut }
}
