/** The metrics of a host at one moment, from what was read then and the time before. Pure. */
import type { GpuReading } from './parse-nvidia.ts'
import {
  type BlockCounters,
  type CpuTimes,
  type NetworkCounters,
  parseCpu,
  parseDiskstats,
  parseLoad,
  parseMemory,
  parseNetwork,
  parsePressure,
  parseUptime,
} from './parse-proc.ts'

/** Texts of files; undefined: the machine has no such file. */
export type HostReading = {
  readonly stat?: string | undefined
  readonly loadavg?: string | undefined
  readonly meminfo?: string | undefined
  readonly cpuPressure?: string | undefined
  readonly memoryPressure?: string | undefined
  readonly ioPressure?: string | undefined
  readonly diskstats?: string | undefined
  readonly netDev?: string | undefined
  readonly uptime?: string | undefined
  /** by mount point */
  readonly disks: Readonly<Record<string, DiskReading>>
  /** millidegrees, by the type of the zone */
  readonly temperatures: Readonly<Record<string, number>>
  /** the bits that a Raspberry Pi sets, in hex */
  readonly throttled?: string | undefined
  /** eMMC: `0x02 0x03`, tenths of the life used up, of both kinds of cells; by device */
  readonly lifeTimes: Readonly<Record<string, string>>
  /** by name, as the inventory has them; absent: nobody looks */
  readonly gpus?: Readonly<Record<string, GpuReading>> | undefined
  readonly agentResidentBytes: number
  readonly agentLoopDelayMs: number
}

export type DiskReading = {
  readonly blockBytes: number
  readonly blocks: number
  readonly free: number
  readonly available: number
  readonly freeInodes: number
  readonly inodes: number
}

export type Metrics = Readonly<Record<string, number>>

export const hostMetricsOf = (reading: HostReading, before: HostReading | undefined): Metrics => ({
  ...cpuMetrics(reading.stat, before?.stat),
  ...loadMetrics(reading.loadavg),
  ...named({
    cpuPressurePercent: pressureOf(reading.cpuPressure),
    memoryPressurePercent: pressureOf(reading.memoryPressure),
    ioPressurePercent: pressureOf(reading.ioPressure),
    uptimeSeconds: reading.uptime === undefined ? undefined : parseUptime(reading.uptime),
    isThrottled: throttledOf(reading.throttled),
    agentResidentBytes: reading.agentResidentBytes,
    agentLoopDelayMs: Math.round(reading.agentLoopDelayMs),
  }),
  ...memoryMetrics(reading.meminfo),
  ...each(reading.disks, 'disk', ({ blockBytes, blocks, free, available, freeInodes, inodes }) => ({
    freeBytes: available * blockBytes,
    usedBytes: (blocks - free) * blockBytes,
    freeInodes,
    inodes,
  })),
  ...each(blocksOf(reading.diskstats), 'block', (counters) => ({ ...counters })),
  ...each(networksOf(reading.netDev), 'network', (counters) => ({ ...counters })),
  ...each(reading.temperatures, 'temperature', (milli) => ({ celsius: Math.round(milli / 100) / 10 })),
  ...each(reading.gpus ?? {}, 'gpu', (gpu) => ({ ...gpu })),
  ...each(reading.lifeTimes, 'flash', (text) => ({ wearPercent: wearOf(text) })),
})

const named = (metrics: Readonly<Record<string, number | undefined>>): Record<string, number> =>
  Object.fromEntries(Object.entries(metrics).filter((entry): entry is [string, number] => Number.isFinite(entry[1])))

const each = <T>(
  instances: Readonly<Record<string, T>>,
  group: string,
  metricsOf: (instance: T) => Readonly<Record<string, number | undefined>>,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(instances).flatMap(([name, instance]) =>
      Object.entries(named(metricsOf(instance))).map(([metric, value]) => [`${group}.${name}.${metric}`, value]),
    ),
  )

const cpuMetrics = (now: string | undefined, before: string | undefined): Record<string, number> => {
  const [after, first] = [now, before].map((text) => (text === undefined ? undefined : parseCpu(text)))
  if (after === undefined || first === undefined || after.total <= first.total) return {}
  const total = after.total - first.total
  const share = (of: (times: CpuTimes) => number): number =>
    Math.round((Math.max(0, of(after) - of(first)) / total) * 1_000) / 10
  return {
    cpuPercent: share(({ total: all, idle, ioWait }) => all - idle - ioWait),
    cpuIoWaitPercent: share(({ ioWait }) => ioWait),
    cpuStealPercent: share(({ steal }) => steal),
  }
}

const loadMetrics = (text: string | undefined): Record<string, number> => {
  const [load1, load5, load15] = (text === undefined ? undefined : parseLoad(text)) ?? []
  return named({ load1, load5, load15 })
}

const pressureOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parsePressure(text)

/** MemAvailable is the kernel's own estimate; before 3.14 there was none. */
const memoryMetrics = (text: string | undefined): Record<string, number> => {
  const {
    MemTotal,
    MemAvailable,
    MemFree = 0,
    Buffers = 0,
    Cached = 0,
    SwapTotal = 0,
    SwapFree = 0,
  } = parseMemory(text ?? '')
  if (MemTotal === undefined) return {}
  const available = MemAvailable ?? MemFree + Buffers + Cached
  return {
    memoryAvailableBytes: available,
    memoryUsedBytes: MemTotal - available,
    swapUsedBytes: SwapTotal - SwapFree,
  }
}

/** Loops and RAM disks are no devices that wear or fill; partitions are counted with their disk. */
const blocksOf = (text: string | undefined): Record<string, BlockCounters> =>
  Object.fromEntries(
    [...parseDiskstats(text ?? '')].filter(([name]) =>
      /^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|hd[a-z]+|nvme\d+n\d+|mmcblk\d+|md\d+)$/.test(name),
    ),
  )

/**
 * The far ends of containers' interfaces come and go, and are told with the apps. Engines name their bridges after ids:
 * the br-lan of a router is none of them.
 */
const networksOf = (text: string | undefined): Record<string, NetworkCounters> =>
  Object.fromEntries(
    [...parseNetwork(text ?? '')].filter(
      ([name]) => name !== 'lo' && !/^(veth|br-[0-9a-f]{12}$|docker|virbr|ifb|cni|podman)/.test(name),
    ),
  )

/** Bits 0 to 3: under-voltage, frequency capped, throttled, soft temperature limit; now. */
const throttledOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const bits = Number.parseInt(text.trim(), 16)
  return Number.isNaN(bits) ? undefined : Number((bits & 0xf) !== 0)
}

/** JEDEC eMMC 5.0, DEVICE_LIFE_TIME_EST: 1 is up to 10 %, 11 is beyond the end; 0 is not defined. */
const wearOf = (text: string): number | undefined => {
  const worst = Math.max(
    ...text
      .trim()
      .split(/\s+/)
      .map((part) => Number.parseInt(part, 16)),
  )
  return worst >= 1 && worst <= 11 ? worst * 10 : undefined
}
