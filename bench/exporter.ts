/**
 * What the exporter costs: the time of a scrape, and its memory, with 1,000 devices of 50 metrics and with 10,000 of 10. All
 * comes through the embedded broker, as from devices; the exporter is a process of its own.
 */
import { fork } from 'node:child_process'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { startExporter } from '../src/exporter/exporter.ts'
import { connectFleet, type Fleet } from '../src/fleet/fleet.ts'
import { writePayload } from '../src/protocol/payload.ts'
import { eventually } from '../test/support/eventually.ts'

const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const scrapes = 9

/** What a device tells of itself, by how many numbers it is. */
const metricsOf = (count: number): { host: Record<string, number>; app: Record<string, number> } => {
  const host = ['cpuPercent', 'load1', 'load5', 'load15', 'memoryAvailableBytes', 'memoryUsedBytes', 'uptimeSeconds']
  for (const disk of ['/', '/var', '/data'])
    for (const of of ['freeBytes', 'usedBytes']) host.push(`disk.${disk}.${of}`)
  for (const name of ['eth0', 'wlan0', 'can0'])
    for (const of of ['receivedBytes', 'sentBytes', 'errors']) host.push(`network.${name}.${of}`)
  const app = ['web', 'db', 'scanner'].flatMap((service) =>
    [
      ...['containers', 'cpuPercent', 'cpuMs', 'throttledMs', 'memoryBytes', 'pids'],
      ...['receivedBytes', 'sentBytes', 'readBytes', 'writtenBytes'],
    ].map((of) => `${service}.${of}`),
  )
  const named = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, Math.round(Math.random() * 1e12) / 10]))
  return { host: named(host.slice(0, count)), app: named(app.slice(0, Math.max(0, count - host.length))) }
}

const publishDevice = async ({ publish, topics }: Fleet, device: string, count: number): Promise<void> => {
  const now = Date.now()
  const common = { schema: 1, at: now, session: 1 }
  const retained = { retain: true }
  const release = `sha256:${'0'.repeat(64)}`
  const { host, app } = metricsOf(count)
  const queued = { ...common, class: 'telemetry', epoch: 1 }
  const health = { verdict: 'ok', since: now, reasons: [] }
  const inventory = {
    ...{ ...common, hostname: device, os: { name: 'Debian GNU/Linux', version: '12', kernel: '6.1.0' }, arch: 'arm64' },
    ...{ cpuCount: 4, memoryBytes: 4e9, engine: null, capabilities: [] },
    agent: { version: '0.1.0', startedAt: now, namePrefix: '' },
  }
  const service = { state: 'running', health: 'none', image: 'shop:1', restarts: 0 }
  const services = Object.keys(app).length === 0 ? { web: service } : { web: service, db: service, scanner: service }
  const reported = {
    ...{ ...common, app: 'shop', generation: now, release, phase: 'running', since: now },
    ...{ running: { generation: now, release }, services },
  }
  await Promise.all([
    publish(topics.status(device), writePayload({ ...common, online: true, agent: '0.1.0', health }), retained),
    publish(topics.inventory(device), writePayload(inventory), retained),
    publish(topics.reported(device, 'shop'), writePayload(reported), retained),
    publish(topics.telemetryOfHost(device), writePayload({ ...queued, seq: 1, ...host }), { retain: false }),
    publish(topics.telemetryOfApp(device, 'shop'), writePayload({ ...queued, seq: 2, ...app }), { retain: false }),
  ])
}

const scrape = async (port: number, encoding: string): Promise<{ ms: number; bytes: number; text: string }> => {
  const startedMs = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { 'accept-encoding': encoding } })
  const text = await response.text()
  return { ms: performance.now() - startedMs, bytes: text.length, text }
}

const figureOf = (text: string, name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])

/** Nobody scrapes without a pause; without one the garbage of several scrapes stands in memory at once. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500))

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

const measure = async (deviceCount: number, metricCount: number): Promise<void> => {
  const broker = createBroker({ log, port: 0 })
  const url = `mqtt://127.0.0.1:${(await broker.start()).port}`
  const child = fork(process.argv[1] as string, ['export', url])
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))))
  const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
  const startedMs = performance.now()
  for (let first = 0; first < deviceCount; first += 20)
    await Promise.all(Array.from({ length: 20 }, (_, n) => publishDevice(fleet, `gw-${first + n}`, metricCount)))
  const wanted = deviceCount * metricCount
  await eventually(
    `${wanted} values to be there`,
    async () => figureOf((await scrape(port, 'identity')).text, 'longshore_exporter_samples') === wanted,
    { timeoutMs: 60_000, everyMs: 500 },
  )
  const filledMs = performance.now() - startedMs
  const plain: number[] = []
  const zipped: number[] = []
  let last = await scrape(port, 'identity')
  for (let n = 0; n < scrapes; n += 1) {
    last = await scrape(port, 'identity')
    plain.push(last.ms)
    await pause()
    zipped.push((await scrape(port, 'gzip')).ms)
    await pause()
  }
  const series = last.text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const say = (what: string, value: string): void => void process.stdout.write(`  ${what.padEnd(34)} ${value}\n`)
  process.stdout.write(`${deviceCount} devices, ${metricCount} metrics each\n`)
  say('series, with those of the fleet', String(series))
  say('taken in, through the broker', `${(filledMs / 1_000).toFixed(1)} s`)
  say('a scrape, median and worst', `${median(plain).toFixed(0)} ms, ${Math.max(...plain).toFixed(0)} ms`)
  say('the same with gzip', `${median(zipped).toFixed(0)} ms, ${Math.max(...zipped).toFixed(0)} ms`)
  say('size of it', `${(last.bytes / 1e6).toFixed(1)} MB`)
  say('memory (RSS) after all of them', `${(figureOf(last.text, 'process_resident_memory_bytes') / 1e6).toFixed(0)} MB`)
  await fleet.close()
  child.kill()
  await broker.stop()
}

const [, , kind, url = ''] = process.argv
if (kind === 'export') {
  const exporter = await startExporter({
    connect: (more) => connectFleet({ broker: { url }, root: 'longshore', log, ...more }),
    listen: { host: '127.0.0.1', port: 0 },
    staleMs: 7_200_000,
    log,
  })
  process.send?.(exporter.port)
} else {
  process.stdout.write(`the exporter; Node ${process.version}\n`)
  if (process.env.BENCH_SMALL !== '0') await measure(1_000, 50)
  await measure(10_000, 10)
}
