/**
 * What the outbox costs: a million messages queued while there is no link, the start with them on disk, and the drain into
 * the embedded broker. Each part is a process of its own, so that its memory is its own.
 */
import { fork } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { createLink } from '../src/link/link.ts'
import type { Outbox } from '../src/outbox/contract.ts'
import { diskOutboxFiles } from '../src/outbox/disk-files.ts'
import { defaultLimits } from '../src/outbox/limits.ts'
import { openOutbox } from '../src/outbox/outbox.ts'

const count = Number(process.env.BENCH_MESSAGES ?? 1_000_000)
const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const topic = 'longshore/v1/gw-17/telemetry/host'

const open = (folder: string): Promise<Outbox> =>
  openOutbox({
    files: diskOutboxFiles(folder),
    limits: { ...defaultLimits, capBytes: 2 ** 30, recordsPerSecond: Number.POSITIVE_INFINITY },
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    boot: 'bench',
    describeDrop: (dropped) => ({ topic, body: { dropped } }),
    log,
  })

/** About what a host says of itself every 10 s. */
const measured = (n: number) => ({
  schema: 1,
  cpuPercent: 12.5 + (n % 50),
  memoryUsedBytes: 1_234_567_890 + n,
  diskUsedBytes: 9_876_543_210,
  temperatureCelsius: 51.2,
  uptimeS: 86_400 + n,
})

const writtenBytes = async (): Promise<number> =>
  Number(/^wchar: (\d+)$/m.exec(await readFile(`/proc/${process.pid}/io`, 'utf8'))?.[1])

const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

const fill = async (folder: string): Promise<object> => {
  const outbox = await open(folder)
  let queuedBytes = 0
  for (let n = 0; n < count; n += 1) queuedBytes += topic.length + JSON.stringify(measured(n)).length
  const bytesBefore = await writtenBytes()
  const rssBefore = process.memoryUsage.rss()
  const cpuBefore = process.cpuUsage()
  for (let n = 0; n < count; n += 1) {
    await outbox.append('telemetry', { topic, body: measured(n) })
    // Nothing measures that fast: the disk has its turn.
    while (n % 500 === 499 && outbox.counts().classes.telemetry.inMemory > 2_000)
      await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await outbox.close()
  const { dropped } = outbox.counts().classes.telemetry
  return {
    queuedMb: queuedBytes / 1e6,
    dropped: JSON.stringify(dropped),
    cpuUsEach: (cpuMs(cpuBefore) * 1_000) / count,
    writtenRatio: ((await writtenBytes()) - bytesBefore) / queuedBytes,
    rssGrowthMb: (process.memoryUsage.rss() - rssBefore) / 1e6,
  }
}

const appendEvents = async (folder: string): Promise<object> => {
  const outbox = await open(folder)
  const many = 20_000
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  for (let n = 0; n < many; n += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => outbox.append('event', { topic, body: measured(n + index) })),
    )
  const result = {
    cpuUsEach: (cpuMs(cpuBefore) * 1_000) / many,
    eachMs: (performance.now() - startedAt) / (many / 100),
  }
  await outbox.close()
  return result
}

const drain = async (folder: string, url: string): Promise<object> => {
  const startedAt = performance.now()
  const outbox = await open(folder)
  const openMs = performance.now() - startedAt
  const onDisk = outbox.counts().classes.telemetry.bytesOnDisk
  await new Promise<void>((resolve) => {
    const link = createLink({
      broker: { url },
      clientId: 'bench',
      clean: true,
      keepaliveS: 60,
      backOff: { baseMs: 100, capMs: 1_000 },
      random: Math.random,
      log,
      onConnect: async () => {
        outbox.start(({ topic: to, payload }) => link.publish(to, payload, { qos: 1, retain: false }))
        resolve()
      },
      onMessage: async () => undefined,
    })
    link.start()
  })
  const rssBefore = process.memoryUsage.rss()
  let highest = rssBefore
  const cpuBefore = process.cpuUsage()
  const drainedFrom = performance.now()
  outbox.setConnected(true)
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    highest = Math.max(highest, process.memoryUsage.rss())
    if (outbox.counts().classes.telemetry.isEmpty) break
  }
  const { sent } = outbox.counts().classes.telemetry
  const seconds = (performance.now() - drainedFrom) / 1_000
  return {
    openMs,
    onDiskMb: onDisk / 1e6,
    sent,
    perSecond: sent / seconds,
    cpuUsEach: (cpuMs(cpuBefore) * 1_000) / sent,
    rssBeforeMb: rssBefore / 1e6,
    rssGrowthMb: (highest - rssBefore) / 1e6,
  }
}

const serve = async (): Promise<object> => ({ port: (await createBroker({ log, port: 0 }).start()).port })

/**
 * As the systemd unit starts the agent. V8 lets young garbage grow to some 50 MB before it looks, in any busy program; told to save memory it does not.
 * Without the flag the drain is faster by half, and grows by about 90 MB.
 */
const frugal = ['--optimize-for-size']

const part = async (...values: string[]): Promise<Record<string, number | string>> => {
  const child = fork(process.argv[1] as string, values, { execArgv: frugal })
  const result = await new Promise<Record<string, number | string>>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Record<string, number | string>))
    child.once('exit', (code) => reject(new Error(`${values[0]} ended with ${code}`)))
  })
  if (values[0] === 'serve') closing.push(() => void child.kill())
  return result
}

const closing: (() => void)[] = []

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const sayResult = (title: string, result: Record<string, number | string>): void => {
  say(title)
  for (const [name, value] of Object.entries(result))
    say(`  ${name.padEnd(20)} ${typeof value === 'number' ? value.toFixed(2) : value}`)
}

const [, , kind, folder = '', url = ''] = process.argv
const parts = {
  fill: () => fill(folder),
  events: () => appendEvents(folder),
  drain: () => drain(folder, url),
  serve,
}
if (kind !== undefined) {
  const result = await parts[kind as keyof typeof parts]()
  process.send?.(result, () => (kind === 'serve' ? undefined : process.exit()))
} else {
  const base = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
  try {
    say(`outbox, ${count} messages; Node ${process.version}`)
    sayResult('telemetry queued with no link', await part('fill', join(base, 'a')))
    sayResult('events, 100 at a time, each group on disk', await part('events', join(base, 'b')))
    const { port } = await part('serve')
    sayResult('start and drain', await part('drain', join(base, 'a'), `mqtt://127.0.0.1:${port}`))
  } finally {
    for (const close of closing) close()
    await rm(base, { recursive: true })
  }
}
