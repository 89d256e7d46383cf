/**
 * How fast a log of 50 MB comes over the broker beside `docker logs` in the same run, what the agent's memory does meanwhile,
 * and how soon the last 100 lines are there. Broker, agent and reader are processes of their own, as they are in the field.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { ensureEngine } from '../src/engine-setup/ensure-engine.ts'
import { exampleImageTag, makeExampleImage } from '../src/engine-setup/make-image.ts'
import { assignRemoval, deploy } from '../src/fleet/deploy.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import { readLog } from '../src/fleet/logs.ts'
import { waitForEnding } from '../src/fleet/wait.ts'
import { say, sayPercentiles, sayRatio, sayTimes } from './bench-agent.ts'

const logBytes = 50_000_000
const line = 'x'.repeat(99)
const rounds = Number(process.env.BENCH_ROUNDS ?? 5)
const command = join(dirname(fileURLToPath(import.meta.url)), '..', 'longshore.mjs')
const device = `bench${process.pid}`
const app = 'chatty'
const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
const { socketPath } = await ensureEngine({ install: false, say, keep: true })
await makeExampleImage(socketPath)

// A process of its own, or it would take turns with the reader.
const brokerScript = process.env.BENCH_BROKER
const broker = brokerScript === undefined ? createBroker({ log, port: 0 }) : undefined
const url = brokerScript ?? `mqtt://127.0.0.1:${(await broker?.start())?.port}`
const config = {
  device,
  broker: url,
  state: folder,
  engine: `unix://${socketPath}`,
  namePrefix: `${device}-`,
  logBytesPerDay: 0,
}
await writeFile(join(folder, 'agent.yaml'), JSON.stringify(config))
// As the systemd unit starts it.
const agent = spawn(
  process.execPath,
  ['--optimize-for-size', command, 'agent', '--config', join(folder, 'agent.yaml'), '--log-level', 'warn'],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)

const rssBytes = async (): Promise<number> => {
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
}

/** ms until a program has written so many bytes. */
const read = (program: string, parameters: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child: ChildProcess = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
    let bytes = 0
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes < logBytes) return
      resolve(performance.now() - startedAt)
      child.kill('SIGINT')
    })
    child.once('exit', () => reject(new Error(`${program} ended after ${bytes} bytes`)))
  })

const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
try {
  const by = { device, app, by: 'bench', now: Date.now() }
  const script = `yes ${line} | head -c ${logBytes}; while :; do sleep 1; done`
  const web = {
    image: exampleImageTag,
    command: ['sh', '-c', script],
    network_mode: 'none',
    stop_grace_period: '0s',
    logging: { driver: 'json-file' },
  }
  const deployed = await deploy(fleet, { compose: { name: app, services: { web } }, files: {} }, by)
  await waitForEnding(fleet, { ...deployed, timeoutMs: 60_000, onEvent: () => undefined })
  const name = `${device}-${app}-web-1`
  await read('docker', ['-H', `unix://${socketPath}`, 'logs', '-f', name])

  const [ours, theirs, growths]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round += 1) {
    theirs.push(await read('docker', ['-H', `unix://${socketPath}`, 'logs', '-f', name]))
    await delay(500)
    const before = await rssBytes()
    let most = before
    const timer = setInterval(() => void rssBytes().then((bytes) => (most = Math.max(most, bytes))), 20)
    const parameters = ['logs', app, '--device', device, '--broker', url, '-f', '--tail', 'all', '--no-prefix']
    ours.push(await read(process.execPath, [command, ...parameters]))
    clearInterval(timer)
    growths.push((most - before) / 1e6)
    await delay(500)
  }
  sayTimes('longshore logs -f, 50 MB', ours)
  sayTimes('  docker logs -f', theirs)
  sayRatio('  docker logs took so much of the time of longshore logs', theirs, ours)
  say(`${'growth of the agent, by round'.padEnd(66)} ${growths.map((growth) => growth.toFixed(1)).join(', ')} MB`)

  const times: number[] = []
  for (let round = 0; round < 30; round += 1) {
    const startedAt = performance.now()
    let lines = 0
    let endedAt = 0
    await readLog(fleet, {
      device,
      request: { app, tail: 100 },
      timeoutMs: 10_000,
      nowMs: Date.now,
      onEntries: (entries) => {
        endedAt = performance.now()
        for (const entry of entries) if ('text' in entry) lines += (entry.text ?? '').split('\n').length - 1
      },
    })
    if (lines !== 100) throw new Error(`${lines} lines came`)
    times.push(endedAt - startedAt)
  }
  sayPercentiles('logs --tail 100: from PUBLISH to the last chunk', times)
  const removal = await assignRemoval(fleet, { volumes: true }, { ...by, now: Date.now() })
  await waitForEnding(fleet, { ...removal, timeoutMs: 60_000, onEvent: () => undefined })
} finally {
  await fleet.close()
  agent.kill('SIGTERM')
  await new Promise((resolve) => agent.once('exit', resolve))
  await broker?.stop()
  await rm(folder, { recursive: true, force: true })
}
