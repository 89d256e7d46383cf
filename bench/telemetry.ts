/**
 * What it costs to look: the CPU time of the whole daemon, idle and connected, while it samples the host and 20, then 100
 * containers every 10 seconds; beside `docker stats` asked as often in the same time, client and engine together. How many
 * processes it starts meanwhile, and what an app of three services costs on the wire in a month.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { ensureEngine } from '../src/engine-setup/ensure-engine.ts'
import { exampleImageTag, makeExampleImage } from '../src/engine-setup/make-image.ts'
import { assignRemoval, deploy } from '../src/fleet/deploy.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import { waitForEnding } from '../src/fleet/wait.ts'
import { say } from './bench-agent.ts'

const run = promisify(execFile)
const seconds = Number(process.env.BENCH_S ?? 120)
const everyS = 10
const device = `bench-${process.pid}`
const log = pino({ level: 'silent' })

const { socketPath } = await ensureEngine({ install: false, say, keep: true })
await makeExampleImage(socketPath)
const broker = createBroker({ log, port: 0 })
const { port } = await broker.start()
const url = `mqtt://127.0.0.1:${port}`
const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'))

const startAgent = async (telemetry: string) => {
  const config = join(folder, 'agent.yaml')
  const settings = {
    device,
    broker: url,
    state: join(folder, 'state'),
    namePrefix: `${device}-`,
    telemetry,
    keepaliveS: 600,
  }
  await writeFile(
    config,
    JSON.stringify({ ...settings, secrets: `/dev/shm/${device}`, engine: `unix://${socketPath}` }),
  )
  const command = join(dirname(process.argv[1] as string), '../longshore.mjs')
  const flags = ['--optimize-for-size']
  const child = spawn(process.execPath, [...flags, command, 'agent', '--config', config], { stdio: 'ignore' })
  return {
    pid: child.pid as number,
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

const tickMs = 10

/** ms of CPU time, of the process itself and of children that it waited for. proc(5), /proc/PID/stat. */
const cpuOf = async (pid: number): Promise<{ readonly own: number; readonly children: number }> => {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8'))
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
  return { own: (user + system) * tickMs, children: (childUser + childSystem) * tickMs }
}

const pidOfEngine = async (): Promise<number> => {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const command = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '')
    if (command.trim() === 'dockerd') return Number(name)
  }
  throw new Error('no dockerd was found')
}

/** Children that stand there at a look, of 20 a second; those of less than that are missed. */
const watchChildren = (pid: number) => {
  const seen = new Set<string>()
  const timer = setInterval(async () => {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    for (const child of text.trim().split(' ')) if (child !== '') seen.add(child)
  }, 50)
  return { seen, stop: () => clearInterval(timer) }
}

/** Percent of one processor. */
const shareOf = (ms: number): number => (ms / (seconds * 1_000)) * 100

const services = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `s${index}`,
      {
        image: exampleImageTag,
        command: ['sleep', '1000000'],
        stop_grace_period: '0s',
        deploy: { update_config: { monitor: '500ms' } },
      },
    ]),
  )

const deployApp = async (app: string, count: number): Promise<void> => {
  const compose = { name: app, services: services(count) }
  const deployed = await deploy(fleet, { compose, files: {} }, { device, app, by: 'bench', now: Date.now() })
  await waitForEnding(fleet, { ...deployed, timeoutMs: 240_000, onEvent: () => undefined })
}

const measureIdle = async (pid: number) => {
  const children = watchChildren(pid)
  const before = await cpuOf(pid)
  await delay(seconds * 1_000)
  const after = await cpuOf(pid)
  children.stop()
  return {
    percent: shareOf(after.own - before.own),
    children: children.seen.size,
    childrenMs: after.children - before.children,
  }
}

const measureDockerStats = async (): Promise<number> => {
  const engine = await pidOfEngine()
  const engineBefore = await cpuOf(engine)
  const ownBefore = await cpuOf(process.pid)
  for (let asked = 0; asked < seconds / everyS; asked += 1) {
    const nextMs = performance.now() + everyS * 1_000
    await run('docker', ['-H', `unix://${socketPath}`, 'stats', '--no-stream'])
    await delay(Math.max(0, nextMs - performance.now()))
  }
  const engineMs = (await cpuOf(engine)).own - engineBefore.own
  return shareOf(engineMs + (await cpuOf(process.pid)).children - ownBefore.children)
}

const percentText = (percent: number): string => `${percent.toFixed(2)} % of one processor`
const sayRow = (what: string, text: string): void => say(`${what.padEnd(60)} ${text}`)

say(`what it costs to look; Node ${process.version}, ${seconds} s each, every ${everyS} s`)
let agent = await startAgent('thrifty')
try {
  const idle: number[] = []
  const apps: string[] = []
  for (const count of [20, 100]) {
    while (apps.length * 20 < count) {
      const app = `app${apps.length}`
      apps.push(app)
      await deployApp(app, 20)
    }
    // What a deployment leaves to be done is done.
    await delay(15_000)
    const { percent, children, childrenMs } = await measureIdle(agent.pid)
    idle.push(percent)
    const limit = count === 20 ? `, limit 0.3: ${percent <= 0.3 ? 'held' : 'NOT HELD'}` : ''
    sayRow(`the idle agent, ${count} containers`, `${percentText(percent)}${limit}`)
    sayRow('  processes that it started', `${children} seen, ${childrenMs} ms of theirs`)
    sayRow('  docker stats, with what the engine does for it', percentText(await measureDockerStats()))
  }
  const growth = (idle[1] ?? 0) / (idle[0] ?? 1)
  sayRow('100 containers beside 20', `${growth.toFixed(1)} ×, limit 5.5: ${growth <= 5.5 ? 'held' : 'NOT HELD'}`)

  for (const app of apps)
    await waitForEnding(fleet, {
      ...(await assignRemoval(fleet, { volumes: true }, { device, app, by: 'bench', now: Date.now() })),
      timeoutMs: 240_000,
      onEvent: () => undefined,
    })
  await agent.stop()
  agent = await startAgent('thrifty')
  await deployApp('shop', 3)
  let [full, bytes] = [0, 0]
  await fleet.watch([`longshore/v1/${device}/telemetry/#`], ({ topic, payload }) => {
    full += 1
    // QoS 1: the header, the topic with its length, the packet id, the payload, and the PUBACK that comes back.
    bytes += 3 + 2 + topic.length + 2 + payload.byteLength + 4
  })
  while (full < 2) await delay(200)
  const [fullsAMonth, pingsAMonth] = [30 * 24, (30 * 86_400) / 600]
  const monthBytes = bytes * fullsAMonth + pingsAMonth * 4
  sayRow(
    'a full report of the host and of an app of three services',
    `${bytes} bytes at the socket; a month of them, and of pings every 600 s: ${(monthBytes / 1e6).toFixed(2)} MB, limit 3: ${monthBytes <= 3e6 ? 'held' : 'NOT HELD'}`,
  )
} finally {
  for (const app of ['shop', ...Array.from({ length: 5 }, (_, index) => `app${index}`)])
    await assignRemoval(fleet, { volumes: true }, { device, app, by: 'bench', now: Date.now() })
      .then((removal) => waitForEnding(fleet, { ...removal, timeoutMs: 240_000, onEvent: () => undefined }))
      .catch(() => undefined)
  await agent.stop()
  await fleet.close()
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
  process.exit()
}
