/**
 * How soon an adapter that is unplugged is gone inside of a running container, and back when it is plugged in again: beside
 * the least that could do it, a watch on /dev that runs mknod, in turn in one run. And what it costs to find 64 ports and to
 * match them with 20 containers. Needs root; virtual consoles stand for serial ports (see test/support/host-tree.ts).
 */
import { execFile } from 'node:child_process'
import { watch } from 'node:fs'
import { lstat, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { allot } from '../agent/allot/allot.ts'
import { wishOf } from '../agent/allot/wish.ts'
import { openDeviceNodes } from '../agent/devices/device-nodes.ts'
import { openHardware } from '../agent/devices/open-hardware.ts'
import { readHardware } from '../agent/devices/read-devices.ts'
import { exampleImageTag } from '../src/engine-setup/make-image.ts'
import { sixtyFourPorts } from '../test/fixtures/hosts/sixty-four-ports.ts'
import { growHost, rootsIn, usbAdapter, usbSerialPort } from '../test/support/host-tree.ts'
import { openBenchAgent, sayPercentiles } from './bench-agent.ts'

const run = promisify(execFile)
const rounds = 60
const name = `ttyBench${process.pid}`
const node = `/dev/${name}`
const [major, minor] = [4, 61]
const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'))
const adapter = 'sys/devices/usb1/1-1'
await growHost(folder, {
  ...usbAdapter(adapter, { vendor: '0403', product: '6001', serial: 'A1' }),
  ...usbSerialPort(adapter, { name, driver: 'ftdi_sio', major, minor }),
})
const log = pino({ level: process.env.BENCH_LOG ?? 'silent' })
const device = `bench-${process.pid}`
const bench = await openBenchAgent({
  hardware: openHardware({ root: { ...rootsIn(folder), dev: '/dev' }, pollMs: 3_600_000, log }),
  deviceNodes: openDeviceNodes(device),
})

const plug = (): Promise<unknown> => run('mknod', ['-m', '660', node, 'c', String(major), String(minor)])
const unplug = (): Promise<void> => rm(node, { force: true })

/** ms until the container has the node, or has it no longer; asked every millisecond. */
const until = async (path: string, isThere: boolean): Promise<number> => {
  const startedAt = performance.now()
  for (;;) {
    const found = await lstat(path).catch(() => undefined)
    if ((found !== undefined) === isThere) return performance.now() - startedAt
    if (performance.now() - startedAt > 10_000) throw new Error(`${path} did not ${isThere ? 'come' : 'go'}`)
    await delay(1)
  }
}

const devOf = async (container: string): Promise<string> => {
  const { json } = await bench.call('GET', `/containers/${container}/json`)
  return `/proc/${(json as { State: { Pid: number } }).State.Pid}/root/dev`
}

try {
  await plug()
  const command = ['sh', '-c', 'while :; do sleep 1; done']
  const devices = [{ match: { serialNumber: 'A1' }, target: '/dev/ttyPLC' }]
  await bench.deploy('line', {
    web: { image: exampleImageTag, command, stop_grace_period: '0s', 'x-longshore': { devices } },
  })
  await bench.deploy('bare', { web: { image: exampleImageTag, command, stop_grace_period: '0s' } })
  const ours = `${await devOf(`${bench.prefix}line-web-1`)}/ttyPLC`
  const bare = `${await devOf(`${bench.prefix}bare-web-1`)}/ttyPLC`
  // What a script of three lines does: no check of anything, and the path as it comes.
  const script = watch('/dev', (_, changed) => {
    if (changed !== name) return
    lstat(node).then(
      () => run('mknod', [bare, 'c', String(major), String(minor)]).catch(() => undefined),
      () => rm(bare, { force: true }),
    )
  })
  await run('mknod', [bare, 'c', String(major), String(minor)])

  const times = { gone: [] as number[], back: [] as number[], bareGone: [] as number[], bareBack: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    await delay(150)
    await unplug()
    const [gone, bareGone] = await Promise.all([until(ours, false), until(bare, false)])
    await delay(150)
    await plug()
    const [back, bareBack] = await Promise.all([until(ours, true), until(bare, true)])
    if (round === 0) continue
    for (const [key, value] of Object.entries({ gone, back, bareGone, bareBack }))
      times[key as keyof typeof times].push(value)
  }
  script.close()
  sayPercentiles('unplugged → gone inside', times.gone)
  sayPercentiles('  a script that runs rm', times.bareGone)
  sayPercentiles('plugged in → back inside', times.back)
  sayPercentiles('  a script that runs mknod', times.bareBack)
  await bench.remove('line')
  await bench.remove('bare')

  const farm = join(folder, 'farm')
  await growHost(farm, sixtyFourPorts)
  const found: number[] = []
  const matched: number[] = []
  const wishes = Array.from({ length: 20 }, (_, index) =>
    wishOf({ app: `app${index}`, service: 'web', number: 1 }, { match: { class: 'serial' }, target: '/dev/ttyPLC' }),
  )
  for (let round = 0; round < 30; round += 1) {
    const startedAt = performance.now()
    const { devices: ports } = await readHardware(rootsIn(farm))
    const readAt = performance.now()
    allot({ wishes, devices: ports, held: new Map(), refusal: () => undefined, followRefusal: () => undefined })
    found.push(readAt - startedAt)
    matched.push(performance.now() - readAt)
  }
  sayPercentiles('64 ports found', found)
  sayPercentiles('64 ports matched with 20 containers', matched)
} finally {
  await unplug()
  await bench.close()
  await rm(folder, { recursive: true, force: true })
  await rm(`/dev/longshore/${device}`, { recursive: true, force: true })
}
