/**
 * What the agent writes to its disk: idle and connected, and with no link while telemetry is queued; by the kernel's count of
 * the process. Then what arrives at the device under a file system of its own, by the count of the loop device (needs root).
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { createBroker } from '../broker/broker.ts'
import { connectFleet } from '../src/fleet/fleet.ts'
import { diskOutboxFiles } from '../src/outbox/disk-files.ts'
import { defaultLimits } from '../src/outbox/limits.ts'
import { openOutbox } from '../src/outbox/outbox.ts'
import { deployThree, startCostAgent } from './cost-agent.ts'

const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const sayFigure = (what: string, value: string): void => say(`  ${what.padEnd(66)} ${value}`)

const idleS = Number(process.env.BENCH_IDLE_S ?? 60)
const limits = { idleBytesADay: 1_000_000, writtenRatio: 1.3, bytesAFlush: 32_768 }

const hold = (isHeld: boolean): string => {
  if (!isHeld) process.exitCode = 1
  return isHeld ? 'within the limit' : 'OVER THE LIMIT'
}

type Disk = {
  readonly folder: string
  /** What arrived at the device since it was mounted. undefined: it cannot be counted here. */
  readonly deviceBytes: () => Promise<number | undefined>
  readonly close: () => Promise<void>
}

/** ext4 in a file, as a device of its own; without root a plain folder. */
const openDisk = async (): Promise<Disk> => {
  const base = await mkdtemp(join(tmpdir(), 'longshore-flash-'))
  const [image, folder] = [join(base, 'image'), join(base, 'mounted')]
  await mkdir(folder)
  const remove = () => rm(base, { recursive: true })
  try {
    execFileSync('truncate', ['--size=256M', image])
    // What is made at the first mount instead would be counted later on.
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image])
    execFileSync('mount', ['-o', 'loop,noatime', image, folder], { stdio: 'pipe' })
  } catch {
    say('no file system of its own can be mounted here: the writes of the device are not counted')
    return { folder, deviceBytes: async () => undefined, close: remove }
  }
  const device = String(execFileSync('findmnt', ['-no', 'SOURCE', folder]))
    .trim()
    .replace('/dev/', '')
  const deviceBytes = async (): Promise<number> => {
    execFileSync('sync', ['--file-system', folder])
    const sectors = (await readFile(`/sys/block/${device}/stat`, 'utf8')).trim().split(/\s+/)[6]
    return Number(sectors) * 512
  }
  // A loop device counts on from what it was used for before.
  const atFirst = await deviceBytes()
  return {
    folder,
    deviceBytes: async () => (await deviceBytes()) - atFirst,
    close: async () => {
      execFileSync('umount', [folder])
      await remove()
    },
  }
}

const measureIdle = async (telemetry: 'off' | 'normal'): Promise<void> => {
  const disk = await openDisk()
  const broker = createBroker({ log, port: 0 })
  const url = `mqtt://127.0.0.1:${(await broker.start()).port}`
  const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
  const agent = startCostAgent({ state: disk.folder, config: { broker: url, telemetry } })
  try {
    await deployThree(fleet)
    // What V8 tidies up after the start would be counted: each wake-up of a thread is a write of 8 bytes.
    await delay(40_000)
    const [before, deviceBefore] = [await agent.written(), await disk.deviceBytes()]
    await delay(idleS * 1_000)
    const after = await agent.written()
    const deviceBytes = ((await disk.deviceBytes()) ?? Number.NaN) - (deviceBefore ?? 0)
    const aDay = (bytes: number): number => (bytes * 86_400) / idleS
    const writeBytes = aDay(after.writeBytes - before.writeBytes)
    const wchar = aDay(after.wchar - before.wchar)
    say(`telemetry ${telemetry}: start, connect and a first deployment`)
    sayFigure('write_bytes, meant for a device', bytesText(before.writeBytes))
    sayFigure('at the device', bytesText(deviceBefore ?? Number.NaN))
    say(`telemetry ${telemetry}: idle and connected, ${idleS} s, as of a day`)
    sayFigure(
      'write_bytes, meant for a device',
      `${bytesText(writeBytes)}, ${hold(writeBytes <= limits.idleBytesADay)}`,
    )
    // Of the figures that are read for telemetry each is some wake-ups, and nothing that is written.
    const verdict = telemetry === 'off' ? `, ${hold(wchar <= limits.idleBytesADay)}` : ''
    sayFigure('wchar, sockets and wake-ups of threads included', `${bytesText(wchar)}${verdict}`)
    sayFigure('at the device', bytesText(aDay(deviceBytes)))
  } finally {
    await agent.stop()
    await fleet.close()
    await broker.stop()
    await disk.close()
  }
}

const measureOffline = async (): Promise<void> => {
  const disk = await openDisk()
  // Nobody listens there.
  const agent = startCostAgent({ state: disk.folder, config: { broker: 'mqtt://127.0.0.1:9' }, everyMs: 100 })
  try {
    await delay(5_000)
    // From one flush to another, by the interval: what is queued between two is written with the second.
    const before = { ...(await agent.written()), queued: agent.queuedBytes() }
    await delay(2 * defaultLimits.flushIntervalMs)
    const after = { ...(await agent.written()), queued: agent.queuedBytes() }
    const queued = after.queued - before.queued
    const ratio = (after.wchar - before.wchar) / queued
    say(`no link, ${bytesText(queued)} of telemetry queued in ${(2 * defaultLimits.flushIntervalMs) / 1_000} s`)
    sayFigure('wchar, times the bytes queued', `${ratio.toFixed(2)}, ${hold(ratio <= limits.writtenRatio)}`)
  } finally {
    await agent.stop()
    await disk.close()
  }
}

const measureFlushes = async (): Promise<void> => {
  const disk = await openDisk()
  const flushes = 20
  const topic = 'longshore/v1/gw-17/telemetry/host'
  const body = {
    schema: 1,
    cpuPercent: 12.5,
    memoryUsedBytes: 1_234_567_890,
    diskUsedBytes: 9_876_543_210,
    uptimeS: 86_400,
  }
  const outbox = await openOutbox({
    files: diskOutboxFiles(join(disk.folder, 'outbox')),
    limits: { ...defaultLimits, flushIntervalMs: 500 },
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    boot: 'bench',
    describeDrop: (dropped) => ({ topic, body: { dropped } }),
    log,
  })
  const before = await disk.deviceBytes()
  let queued = 0
  for (let flush = 0; flush < flushes; flush += 1) {
    for (let n = 0; n < 60; n += 1) {
      await outbox.append('telemetry', { topic, body })
      queued += topic.length + JSON.stringify(body).length
    }
    const onDisk = outbox.counts().classes.telemetry.bytesOnDisk
    while (outbox.counts().classes.telemetry.bytesOnDisk === onDisk) await delay(20)
  }
  const after = await disk.deviceBytes()
  await outbox.close()
  await disk.close()
  say(`${flushes} flushes of 60 messages, ${bytesText(queued)} queued`)
  if (before === undefined || after === undefined) return
  const each = (after - before - queued) / flushes
  sayFigure('at the device beside the bytes queued, a flush', `${bytesText(each)}, ${hold(each <= limits.bytesAFlush)}`)
}

const bytesText = (bytes: number): string =>
  bytes < 10_000
    ? `${Math.round(bytes)} bytes`
    : bytes < 1e6
      ? `${Math.round(bytes / 1e3)} kB`
      : `${(bytes / 1e6).toFixed(2)} MB`

say(
  `what is written to flash; Node ${process.version}; telemetry is flushed every ${defaultLimits.flushIntervalMs / 1_000} s`,
)
await Promise.all([measureIdle('off'), measureIdle('normal'), measureOffline()])
await measureFlushes()
