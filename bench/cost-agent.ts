/** The daemon as a process of its own with a real state folder, on a simulated engine; one app of three services. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { deploy } from '../src/fleet/deploy.ts'
import type { Fleet } from '../src/fleet/fleet.ts'
import { waitForEnding } from '../src/fleet/wait.ts'

export const device = 'bench-cost'

export type CostAgent = {
  /** bytes of topics and messages that it queued beside its own, so far */
  readonly queuedBytes: () => number
  /** What it wrote, as the kernel counts it: handed to write calls but for what it told us, and meant for a device. */
  readonly written: () => Promise<{ readonly wchar: number; readonly writeBytes: number }>
  /** A service ends by itself, and its restart policy starts it again. */
  readonly endService: () => void
  readonly stop: () => Promise<void>
}

export type CostAgentOptions = {
  readonly state: string
  readonly config: object
  /** with telemetry of its own so often; 0: none */
  readonly everyMs?: number
  readonly namespace?: string
}

let count = 0

export const startCostAgent = ({ state, config, everyMs = 0, namespace }: CostAgentOptions): CostAgent => {
  const secrets = `/dev/shm/longshore-bench-${process.pid}-${++count}`
  const input = {
    config: {
      ...{ device, state, secrets, policy: join(state, 'policy.yaml') },
      ...{ engine: 'unix:///nonexistent.sock', telemetry: 'off', ...config },
    },
    ...{ from: 1, everyMs, messageClass: 'telemetry' },
  }
  const path = join(dirname(process.argv[1] as string), '../test/offline-agent.mjs')
  const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
  const [program = '', ...parameters] = [...inside, process.execPath, path, JSON.stringify(input)]
  const child: ChildProcess = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  let queuedBytes = 0
  let toldBytes = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    toldBytes += chunk.length
  })
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const [word, , bytes] = line.split(' ')
    if (word === 'kept') queuedBytes = Number(bytes)
  })
  return {
    queuedBytes: () => queuedBytes,
    written: async () => {
      const text = await readFile(`/proc/${child.pid}/io`, 'utf8')
      const figure = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1])
      return { wchar: figure('wchar') - toldBytes, writeBytes: figure('write_bytes') }
    },
    endService: () => void child.kill('SIGUSR2'),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        await exited
      }
      await rm(secrets, { recursive: true, force: true })
    },
  }
}

/** Three services as real ones are; resolves when they run. */
export const deployThree = async (fleet: Fleet): Promise<void> => {
  const update = { deploy: { update_config: { monitor: '300ms' } } }
  const web = (port: number) => ({
    ...update,
    image: 'web:1',
    environment: { LOG_LEVEL: 'info', BROKER: 'mqtt://127.0.0.1:1883' },
    ports: [{ target: 8080, published: port, protocol: 'tcp' as const }],
  })
  const services = { web: web(8080), api: web(8081), worker: web(8082) }
  const compose = { name: 'shop', services }
  const deployed = await deploy(fleet, { compose, files: {} }, { device, app: 'shop', by: 'bench', now: Date.now() })
  const { outcome } = (await waitForEnding(fleet, { ...deployed, timeoutMs: 60_000, onEvent: () => undefined })) as {
    outcome?: string
  }
  if (outcome !== 'succeeded') throw new Error(`the app of the bench ended ${outcome}`)
}
