/** A real cluster of three NATS servers with JetStream and their MQTT listeners, on free loopback ports, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { findFreePort } from './mosquitto.ts'

/** A server with what it is told; all of it is substituted in the text of its configuration. */
export type NatsNode = {
  readonly name: string
  /** of clients of NATS itself */
  readonly clientPort: number
  readonly clusterPort: number
  readonly mqttPort: number
  readonly monitorPort: number
  readonly store: string
}

export type NatsCluster = {
  /** the addresses of all servers, the first one first */
  readonly url: string
  readonly urls: readonly string[]
  /** the number of a server that leads the JetStream of the cluster */
  readonly leader: () => Promise<number>
  /** SIGKILL, as in a power cut; its folder stays. */
  readonly kill: (node: number) => Promise<void>
  /** Starts one that was killed, with its folder. */
  readonly restart: (node: number) => Promise<void>
  readonly stop: () => Promise<void>
}

export type NatsOptions = {
  readonly scheme?: 'mqtt' | 'mqtts'
  /** default: one that lets in everybody */
  readonly configOf?: (node: NatsNode, all: readonly NatsNode[]) => string
}

export const startNatsCluster = async (options: NatsOptions = {}): Promise<NatsCluster> => {
  // Its twelve ports were free when they were asked for; somebody else may have taken one since.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options)
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

const startOnce = async ({ scheme = 'mqtt', configOf = openConfig }: NatsOptions): Promise<NatsCluster> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-nats-'))
  const nodes = await Promise.all([1, 2, 3].map((number) => newNode(folder, number)))
  const children = new Map<number, ChildProcess>()
  const logs: Buffer[] = []
  const configFile = (number: number): string => join(folder, `n${number + 1}.conf`)
  const start = (number: number): void => {
    const child = spawn('/usr/sbin/nats-server', ['-c', configFile(number)], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.on('data', (chunk: Buffer) => void logs.push(chunk))
    children.set(number, child)
  }
  const kill = async (number: number): Promise<void> => {
    const child = children.get(number)
    children.delete(number)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  const stop = async (): Promise<void> => {
    await Promise.all([...children.keys()].map(kill))
    await rm(folder, { recursive: true, force: true })
  }
  /** The server answers when its JetStream has a leader, and is abreast of it. */
  const isReady = async ({ monitorPort }: NatsNode): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${monitorPort}/healthz`)).ok && (await leaderOf(monitorPort)) !== ''
  try {
    for (const [number, node] of nodes.entries()) {
      await mkdir(node.store, { recursive: true })
      await writeFile(configFile(number), configOf(node, nodes))
      start(number)
    }
    const hasEnded = (): boolean => [...children.values()].some(({ exitCode }) => exitCode !== null)
    for (const node of nodes)
      await eventually(`${node.name} to be ready`, () => hasEnded() || isReady(node), { timeoutMs: 45_000 })
    if (hasEnded()) throw new Error(`a NATS server did not start:\n${Buffer.concat(logs)}`)
  } catch (error) {
    await stop()
    throw error
  }
  const urls = nodes.map(({ mqttPort }) => `${scheme}://127.0.0.1:${mqttPort}`)
  return {
    url: urls.join(','),
    urls,
    leader: async () => {
      const running = nodes.find((_, number) => children.has(number)) as NatsNode
      const leader = await leaderOf(running.monitorPort)
      return nodes.findIndex(({ name }) => name === leader)
    },
    kill,
    restart: async (number) => {
      start(number)
      await eventually(`server ${number} to be ready again`, () => isReady(nodes[number] as NatsNode), {
        timeoutMs: 45_000,
      })
    },
    stop,
  }
}

const newNode = async (folder: string, number: number): Promise<NatsNode> => ({
  name: `n${number}`,
  clientPort: await findFreePort(),
  clusterPort: await findFreePort(),
  mqttPort: await findFreePort(),
  monitorPort: await findFreePort(),
  store: join(folder, `n${number}`),
})

const leaderOf = async (monitorPort: number): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${monitorPort}/jsz`)
  const { meta_cluster } = (await answer.json()) as { meta_cluster?: { leader?: string } }
  return meta_cluster?.leader ?? ''
}

const openConfig = (node: NatsNode, all: readonly NatsNode[]): string => `
server_name: ${node.name}
listen: "127.0.0.1:${node.clientPort}"
http: "127.0.0.1:${node.monitorPort}"
jetstream { store_dir: "${node.store}", max_memory_store: 64MB, max_file_store: 1GB }
mqtt {
  listen: "127.0.0.1:${node.mqttPort}"
  stream_replicas: 3
  consumer_replicas: 3
  ack_wait: "2s"
}
cluster {
  name: test
  listen: "127.0.0.1:${node.clusterPort}"
  routes: [${all.map(({ clusterPort }) => `"nats://127.0.0.1:${clusterPort}"`).join(', ')}]
}
`
