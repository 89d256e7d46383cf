import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Profile, type Told, worthTelling as worth } from '../../../agent/telemetry/dead-band.ts'
import { type HostReading, hostMetricsOf, type Metrics } from '../../../agent/telemetry/host-sample.ts'
import { appMetricOf, appMetrics, hostMetricOf, hostMetrics } from '../../../agent/telemetry/metrics.ts'
import { profiles } from '../../../agent/telemetry/profiles.ts'
import { createHostReader } from '../../../agent/telemetry/read-host.ts'
import { createSampler, type Sample } from '../../../agent/telemetry/sampler.ts'
import { createTelemetry } from '../../../agent/telemetry/telemetry.ts'
import type { ServiceReport } from '../../../src/protocol/reported.ts'
import type { TelemetryProfile } from '../../../src/protocol/telemetry.ts'
import { silent } from '../../support/agents.ts'

const reading = (more: Partial<HostReading> = {}): HostReading => ({
  disks: {},
  temperatures: {},
  lifeTimes: {},
  agentResidentBytes: 1,
  agentLoopDelayMs: 0,
  ...more,
})

describe('a sample', () => {
  test('shares the time of the processors since the one before', () => {
    const before = reading({ stat: 'cpu 100 0 0 800 50 0 0 50\n' })
    const after = reading({ stat: 'cpu 130 0 0 850 60 0 0 60\n' })
    expect(hostMetricsOf(after, before)).toMatchObject({ cpuPercent: 40, cpuIoWaitPercent: 10, cpuStealPercent: 10 })
    expect(hostMetricsOf(after, undefined)).not.toHaveProperty('cpuPercent')
  })

  test('names disks, sensors and cards, and leaves out the far ends of containers', () => {
    const metrics = hostMetricsOf(
      reading({
        disks: { '/var/lib': { blockBytes: 4_096, blocks: 100, free: 40, available: 30, freeInodes: 7, inodes: 70 } },
        temperatures: { 'cpu-thermal': 48_312 },
        lifeTimes: { mmcblk0: '0x02 0x03\n' },
        throttled: '50005\n',
        netDev: ['eth0', 'br-lan', 'veth1a', 'br-0123456789ab', 'docker0']
          .map((name) => `${name}: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n`)
          .join(''),
        diskstats: ' 8 0 sda 1 0 8 1 1 0 8 1 0 3 1\n 8 1 sda1 1 0 8 1 1 0 8 1 0 3 1\n',
      }),
      undefined,
    )
    expect(metrics).toMatchObject({
      'disk./var/lib.freeBytes': 122_880,
      'disk./var/lib.usedBytes': 245_760,
      'disk./var/lib.freeInodes': 7,
      'temperature.cpu-thermal.celsius': 48.3,
      'flash.mmcblk0.wearPercent': 30,
      isThrottled: 1,
      ...{ 'network.eth0.sentBytes': 2, 'network.br-lan.sentBytes': 2 },
      'block.sda.writtenBytes': 4_096,
    })
    expect(Object.keys(metrics).some((name) => /veth|br-0|docker|sda1/.test(name))).toBe(false)
    for (const name of Object.keys(metrics)) expect(hostMetricOf(name), name).toBeDefined()
  })

  test('counts what is available by itself where the kernel tells no estimate', () => {
    const meminfo = 'MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 20 kB\n'
    expect(hostMetricsOf(reading({ meminfo }), undefined)).toMatchObject({ memoryAvailableBytes: 35 * 1024 })
  })
})

describe('what is worth telling', () => {
  const profile: Profile = { sampleEveryMs: 10_000, fullEveryMs: 60_000, leastPauseMs: 10_000, bandFactor: 1 }
  const worthTelling = (sample: Metrics, told: Told | undefined, of: Profile, nowMs: number) =>
    worth(sample, told, of, hostMetricOf, nowMs)
  const told: Told = { values: { cpuPercent: 10, load1: 1 }, fullAtMs: 0, atMs: 0 }

  test('is everything at first, and again when it is due', () => {
    expect(worthTelling({ cpuPercent: 1 }, undefined, profile, 5).tell).toEqual({ cpuPercent: 1 })
    expect(worthTelling(told.values, told, profile, 59_999).tell).toBeUndefined()
    expect(worthTelling(told.values, told, profile, 60_000).tell).toEqual(told.values)
  })

  test('is what moved by its band, and no more of it than that', () => {
    expect(worthTelling({ cpuPercent: 29, load1: 9 }, told, profile, 20_000).tell).toBeUndefined()
    const { tell, told: after } = worthTelling({ cpuPercent: 30, load1: 9 }, told, profile, 20_000)
    expect(tell).toEqual({ cpuPercent: 30 })
    expect(worthTelling({ cpuPercent: 31, load1: 9 }, after, profile, 40_000).tell).toBeUndefined()
  })

  test('waits for the pause, and is then what stands', () => {
    expect(worthTelling({ cpuPercent: 90 }, told, profile, 9_999).tell).toBeUndefined()
    expect(worthTelling({ cpuPercent: 90 }, told, profile, 10_000).tell).toEqual({ cpuPercent: 90 })
  })

  test('a disk, an interface or a sensor that came is told at once', () => {
    expect(worthTelling({ 'disk./usb.freeBytes': 5, 'network.eth1.sentBytes': 1 }, told, profile, 10_000).tell).toEqual(
      {
        'disk./usb.freeBytes': 5,
      },
    )
  })

  test('the default tells an ordinary day in well under 3 MB a month', () => {
    const bytesOfAFullReport = 1_500
    const { fullEveryMs, leastPauseMs } = profiles.thrifty
    const monthMs = 30 * 86_400_000
    expect((monthMs / fullEveryMs) * bytesOfAFullReport).toBeLessThan(1.5e6)
    // Even if something moves all the time, a few metrics of it.
    expect((monthMs / leastPauseMs) * 300).toBeLessThan(1.5e6)
  })
})

test('the table says of every metric what it is', () => {
  for (const [name, { text, unit }] of Object.entries({ ...hostMetrics, ...appMetrics })) {
    expect(text, name).toMatch(/\w{3}/)
    if (unit === 'bytes') expect(name).toMatch(/Bytes$/)
    if (unit === 'percent') expect(name).toMatch(/Percent$/)
    if (unit === 'ms') expect(name).toMatch(/Ms$/)
  }
})

describe('the reader', () => {
  const machine = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const root = await mkdtemp(join(tmpdir(), 'longshore-host-'))
    onTestFinished(() => rm(root, { recursive: true, force: true }))
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), text)
    }
    return root
  }

  test('finds sensors and cards, two of one kind too', async () => {
    const root = await machine({
      'proc/stat': 'cpu 1 1 1 1\n',
      'proc/self/mountinfo': '27 1 254:0 / / rw - ext4 /dev/vda rw\n',
      'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone0/temp': '40000\n',
      'sys/class/thermal/thermal_zone1/type': 'cpu-thermal\n',
      'sys/class/thermal/thermal_zone1/temp': '-1500\n',
      'sys/class/thermal/thermal_zone2/type': 'gone\n',
      'sys/block/mmcblk0/device/life_time': '0x01 0x01\n',
    })
    const host = await createHostReader({ root, loopDelayMs: () => 3 })()
    expect(host).toMatchObject({
      stat: 'cpu 1 1 1 1\n',
      temperatures: { 'cpu-thermal': 40_000, 'cpu-thermal-1': -1_500 },
      lifeTimes: { mmcblk0: '0x01 0x01\n' },
      agentLoopDelayMs: 3,
    })
    expect(host.disks['/']?.blocks).toBeGreaterThan(0)
    expect(host.loadavg).toBeUndefined()
  })

  test('goes on without a file system that hangs, and does not ask it again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const root = await machine({ 'proc/self/mountinfo': '27 1 254:0 / / rw - ext4 /dev/vda rw\n' })
    let asked = 0
    const readStatfs = (() => {
      asked += 1
      return new Promise(() => undefined)
    }) as never
    const read = createHostReader({ root, loopDelayMs: () => 0, readStatfs })
    const first = read()
    await vi.waitFor(() => expect(asked).toBe(1))
    vi.advanceTimersByTime(1_000)
    expect((await first).disks).toEqual({})
    expect((await read()).disks).toEqual({})
    expect(asked).toBe(1)
  })
})

describe('telemetry', () => {
  const teller = (profile: () => TelemetryProfile, isConnected = true) => {
    const told: { topic: string; body: object }[] = []
    let now = 0
    const telemetry = createTelemetry({
      outbox: {
        append: async (_class, message) => {
          told.push(message)
          return { epoch: 1, seq: told.length }
        },
      },
      topics: { host: 'host', app: (app) => `app/${app}` },
      profile,
      isConnected: () => isConnected,
      reports: () => [['line', { plc: serviceReport({ restarts: 2, health: 'healthy' }), job: serviceReport({}) }]],
      session: () => 7,
      monotonicMs: () => now,
    })
    const take = async (atMs: number, host: Metrics, plc: Metrics): Promise<object[]> => {
      now = atMs
      told.length = 0
      await telemetry.take({ host, apps: new Map([['line', new Map([['plc', plc]])]]) })
      return told.map(({ topic, body }) => ({ topic, ...body }))
    }
    return take
  }
  const serviceReport = (more: Partial<ServiceReport>): ServiceReport => ({
    ...{ state: 'running', health: 'none', image: 'i', restarts: 0 },
    ...more,
  })
  const message = { schema: 1, session: 7 }

  test('tells of the host and of each app on topics of their own, everything at first and then what moved', async () => {
    const take = teller(() => 'thrifty')
    expect(await take(0, { cpuPercent: 5 }, { containers: 1, cpuPercent: 2, cpuMs: 10 })).toEqual([
      { topic: 'host', ...message, cpuPercent: 5 },
      {
        topic: 'app/line',
        ...message,
        ...{ 'plc.containers': 1, 'plc.cpuPercent': 2, 'plc.cpuMs': 10, 'plc.restarts': 2, 'plc.isHealthy': 1 },
        ...{ 'job.containers': 0, 'job.restarts': 0 },
      },
    ])
    expect(await take(1_000_000, { cpuPercent: 6 }, { containers: 1, cpuPercent: 90, cpuMs: 900 })).toEqual([
      { topic: 'app/line', ...message, 'plc.cpuPercent': 90 },
    ])
  })

  test('when off nothing is told, and everything when it is on again', async () => {
    let profile: TelemetryProfile = 'normal'
    const take = teller(() => profile)
    expect(await take(0, { load1: 1 }, {})).toHaveLength(2)
    profile = 'off'
    expect(await take(1_000_000, { load1: 1 }, {})).toEqual([])
    profile = 'normal'
    expect(await take(1_000_001, { load1: 1 }, {})).toHaveLength(2)
  })

  test('live, everything is told at each sample; with no connection only what would be told anyway', async () => {
    const live = teller(() => 'live')
    await live(0, { load1: 1 }, {})
    expect(await live(1_000, { load1: 1 }, {})).toHaveLength(2)
    const alone = teller(() => 'live', false)
    await alone(0, { load1: 1 }, {})
    expect(await alone(1_000, { load1: 1 }, {})).toEqual([])
  })

  test('services may have dots in their names', () => {
    expect(appMetricOf('a.b.cpuPercent')).toBe(appMetrics['*.cpuPercent'])
    expect(appMetricOf('a.b.nothing')).toBeUndefined()
  })
})

test('samples again after the time that the profile says, and never two at once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const samples: Sample[] = []
  let [now, idle, everyMs, reads] = [0, 0, 10_000, 0]
  const sampler = createSampler({
    readHost: async () => {
      reads += 1
      return reading({ stat: `cpu ${now / 10} 0 0 ${idle}\n` })
    },
    readContainers: () => [{ id: 'c', app: 'line', service: 'plc', usage: { cpuMs: now / 2 } }],
    containers: { current: async () => [] },
    everyMs: () => everyMs,
    onSample: async (sample) => void samples.push(sample),
    monotonicMs: () => now,
    log: silent,
  })
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const pass = async (ms: number): Promise<void> => {
    now += ms
    idle += ms / 10
    vi.advanceTimersByTime(ms)
    await settle()
  }
  sampler.start()
  sampler.hurry()
  onTestFinished(sampler.stop)
  await settle()
  expect([reads, samples]).toEqual([1, []])
  await pass(10_000)
  expect(samples.at(-1)).toMatchObject({ host: { cpuPercent: 50, agentResidentBytes: 1 } })
  expect(samples.at(-1)?.apps.get('line')?.get('plc')).toMatchObject({ cpuPercent: 50, cpuMs: 5_000, containers: 1 })
  everyMs = 1_000
  sampler.hurry()
  await settle()
  await pass(1_000)
  expect([reads, samples.length]).toEqual([4, 3])
})

test('what containers used before the engine answered is none of what they use now', async () => {
  const samples: Sample[] = []
  let [now, isEngineThere] = [0, false]
  const sampler = createSampler({
    readHost: async () => reading({}),
    readContainers: (running) =>
      running.map(({ id }) => ({ id, app: 'line', service: 'plc', usage: { cpuMs: 9e9 + now } })),
    containers: {
      current: async () => (isEngineThere ? [{ id: 'c', app: 'line', service: 'plc', pid: 7 }] : undefined),
    },
    everyMs: () => 60_000,
    onSample: async (sample) => void samples.push(sample),
    monotonicMs: () => now,
    log: silent,
  })
  onTestFinished(sampler.stop)
  const sampleAt = async (ms: number): Promise<unknown> => {
    now = ms
    sampler.hurry()
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
    return samples.at(-1)?.apps.get('line')?.get('plc')
  }
  await sampleAt(0)
  expect(await sampleAt(10_000)).toBeUndefined()
  isEngineThere = true
  expect(await sampleAt(20_000)).toEqual({ containers: 1, cpuMs: 0 })
  expect(await sampleAt(30_000)).toEqual({ containers: 1, cpuMs: 10_000, cpuPercent: 100 })
})
