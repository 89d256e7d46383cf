/** A real Mosquitto on a free loopback port, with a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

export type MosquittoOptions = {
  /** The text of an acl_file. */
  readonly acl?: string
  /** More lines for mosquitto.conf; `${folder}` stands for the broker's own folder. */
  readonly extraConfig?: readonly string[]
}

export type Mosquitto = {
  readonly url: string
  readonly port: number
  readonly folder: string
  /** Ends it and removes its folder. */
  readonly stop: () => Promise<void>
  /** SIGKILL, as in a power cut; the folder stays. */
  readonly kill: () => Promise<void>
  /** Ends it, if it runs, and starts it again on the same port with the same folder. */
  readonly restart: () => Promise<void>
}

export const startMosquitto = async (options: MosquittoOptions = {}): Promise<Mosquitto> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-mosquitto-'))
  const port = await findFreePort()
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'user root',
    'log_dest stderr',
    'set_tcp_nodelay true',
    ...(options.acl === undefined ? [] : [`acl_file ${join(folder, 'acl')}`]),
    ...(options.extraConfig ?? []).map((line) => line.replaceAll('${folder}', folder)),
  ]
  await writeFile(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  // Mosquitto 2 warns about access files that others may read.
  if (options.acl !== undefined) await writeFile(join(folder, 'acl'), options.acl, { mode: 0o600 })

  let child: ChildProcess | undefined = await launch(folder, port).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill(signal)
    await exited
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    folder,
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM')
      child = await launch(folder, port)
    },
    stop: async () => {
      await end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const launch = async (folder: string, port: number): Promise<ChildProcess> => {
  const log: Buffer[] = []
  const child = spawn('/usr/sbin/mosquitto', ['-c', join(folder, 'mosquitto.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr?.on('data', (chunk: Buffer) => log.push(chunk))
  let ended = false
  child.on('exit', () => {
    ended = true
  })
  child.on('error', () => {
    ended = true
  })
  await eventually(`Mosquitto to listen on port ${port}`, () => ended || accepts(port))
  if (!ended) return child
  const config = await readFile(join(folder, 'mosquitto.conf'), 'utf8')
  throw new Error(`Mosquitto did not start:\n${Buffer.concat(log).toString()}\nwith:\n${config}`)
}

/** Whether something listens on a loopback port. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** Free when asked; Mosquitto itself cannot be given port 0. */
export const findFreePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
