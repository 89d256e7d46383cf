/** What telemetry says of this machine, beside what other programs say of it at the same moment. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { hostMetricsOf } from '../../../agent/telemetry/host-sample.ts'
import { createHostReader } from '../../../agent/telemetry/read-host.ts'

const run = (program: string, ...parameters: string[]): string =>
  execFileSync(program, parameters, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })

test('agrees with free, df, ip and uptime', async () => {
  const read = createHostReader({ root: '/', loopDelayMs: () => 0 })
  const metrics = hostMetricsOf(await read(), undefined)

  const memory = run('free', '-b').split('\n')[1]?.split(/\s+/).map(Number) ?? []
  expect(Math.abs((metrics.memoryAvailableBytes ?? 0) - (memory[6] ?? 0))).toBeLessThan(200e6)

  const [size = 0, used = 0, available = 0] = (run('df', '-B1', '--output=size,used,avail', '/').split('\n')[1] ?? '')
    .trim()
    .split(/\s+/)
    .map(Number)
  expect(size).toBeGreaterThan(0)
  expect(Math.abs((metrics['disk./.usedBytes'] ?? 0) - used)).toBeLessThan(200e6)
  expect(Math.abs((metrics['disk./.freeBytes'] ?? 0) - available)).toBeLessThan(200e6)

  const links = JSON.parse(run('ip', '-s', '-j', 'link')) as { ifname: string; stats64: { rx: { bytes: number } } }[]
  const told = Object.keys(metrics).flatMap((name) => /^network\.(.*)\.receivedBytes$/.exec(name)?.[1] ?? [])
  for (const name of told) {
    const link = links.find(({ ifname }) => ifname === name)
    expect(Math.abs((link?.stats64.rx.bytes ?? 0) - (metrics[`network.${name}.receivedBytes`] ?? 0))).toBeLessThan(50e6)
  }

  const since = Date.parse(`${run('uptime', '-s').trim()}Z`) - new Date().getTimezoneOffset() * -60_000
  expect(Math.abs((Date.now() - since) / 1000 - (metrics.uptimeSeconds ?? 0))).toBeLessThan(60)
})

test('a busy processor shows, beside what the kernel counts for the process that is busy', async () => {
  const read = createHostReader({ root: '/', loopDelayMs: () => 0 })
  const before = await read()
  const usedBefore = process.cpuUsage()
  const until = performance.now() + 2_000
  while (performance.now() < until) await delay(0)
  const metrics = hostMetricsOf(await read(), before)
  const { user, system } = process.cpuUsage(usedBefore)
  const processors = Number(run('nproc'))
  const ownPercent = ((user + system) / 2_000_000 / processors) * 100
  // Others may be at work as well; we are part of it.
  expect(metrics.cpuPercent).toBeGreaterThan(ownPercent * 0.8)
  expect(metrics.cpuPercent).toBeLessThanOrEqual(100)
})

test('agrees with vmstat on processors and disks that others keep busy', async () => {
  const folder = await mkdtemp('/var/tmp/longshore-busy-')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const burner = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
  onTestFinished(() => void burner.kill('SIGKILL'))
  const read = createHostReader({ root: '/', loopDelayMs: () => 0 })
  const before = await read()
  // Since the start, then of the next three seconds: the same that lie between our two readings.
  const vmstat = promisify(execFile)('vmstat', ['3', '2'], { env: { ...process.env, LC_ALL: 'C' } })
  await promisify(execFile)('dd', ['if=/dev/zero', `of=${join(folder, 'file')}`, 'bs=1M', 'count=40', 'conv=fsync'])
  const { stdout } = await vmstat
  const metrics = hostMetricsOf(await read(), before)
  const lines = stdout.trim().split('\n')
  const names = lines[1]?.trim().split(/\s+/) ?? []
  const last = lines.at(-1)?.trim().split(/\s+/).map(Number) ?? []
  const of = (name: string): number => last[names.indexOf(name)] ?? Number.NaN
  expect(of('us') + of('sy')).toBeGreaterThan(30)
  expect(Math.abs((metrics.cpuPercent ?? 0) - (100 - of('id') - of('wa')))).toBeLessThan(10)

  const writtenBefore = hostMetricsOf(before, undefined)
  const written = Object.keys(metrics)
    .filter((name) => /^block\..*\.writtenBytes$/.test(name))
    .reduce((sum, name) => sum + (metrics[name] ?? 0) - (writtenBefore[name] ?? 0), 0)
  // A machine whose disk is none that wears (a network disk, an overlay in memory) has nothing to tell here.
  if (Object.keys(metrics).some((name) => name.startsWith('block.'))) expect(written).toBeGreaterThan(40e6 * 0.9)
})
