/** Reads what telemetry tells of the machine: files of the kernel, with no child process of its own. */
import { readdir, readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskReading, HostReading } from './host-sample.ts'
import { parseMounts } from './parse-proc.ts'
import type { GpuReadings } from './read-gpus.ts'

export type HostReaderInput = {
  /** where /proc and /sys are; tests describe other machines */
  readonly root: string
  /** the longest time in ms that the agent was held up since it was asked last */
  readonly loopDelayMs: () => number
  readonly readStatfs?: typeof statfs
  readonly readGpus?: () => Promise<GpuReadings>
}

/** Mounts and sensors come and go rarely. */
const lookAgainAfter = 30

/** A file system that does not answer by then is left out, and not asked again before it has. */
const statfsMs = 1_000

export const createHostReader = ({
  root,
  loopDelayMs,
  readStatfs = statfs,
  readGpus = async () => ({}),
}: HostReaderInput): (() => Promise<HostReading>) => {
  const hung = new Set<string>()
  let places: Places = { mounts: [], temperatures: {}, lifeTimes: {} }
  let looks = 0

  const text = (path: string): Promise<string | undefined> => readFile(join(root, path), 'utf8').catch(() => undefined)

  const names = (path: string): Promise<string[]> => readdir(join(root, path)).catch(() => [])

  const findPlaces = async (): Promise<Places> => {
    const zones = (await names('sys/class/thermal')).filter((name) => name.startsWith('thermal_zone'))
    const cards = (await names('sys/block')).filter((name) => /^mmcblk\d+$/.test(name))
    const temperatures: Record<string, string> = {}
    for (const zone of zones) {
      const type = (await text(`sys/class/thermal/${zone}/type`))?.trim() ?? zone
      temperatures[type in temperatures ? `${type}-${zone.slice('thermal_zone'.length)}` : type] =
        `sys/class/thermal/${zone}/temp`
    }
    return {
      mounts: parseMounts((await text('proc/self/mountinfo')) ?? ''),
      temperatures,
      lifeTimes: Object.fromEntries(cards.map((card) => [card, `sys/block/${card}/device/life_time`])),
    }
  }

  const readDisk = async (mount: string): Promise<DiskReading | undefined> => {
    if (hung.has(mount)) return undefined
    hung.add(mount)
    const asked = readStatfs(join(root, mount)).then(
      ({ bsize, blocks, bfree, bavail, files, ffree }) => {
        hung.delete(mount)
        return { blockBytes: bsize, blocks, free: bfree, available: bavail, freeInodes: ffree, inodes: files }
      },
      () => {
        hung.delete(mount)
        return undefined
      },
    )
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), statfsMs)
    })
    return Promise.race([asked, patience]).finally(() => clearTimeout(timer))
  }

  return async () => {
    if (looks % lookAgainAfter === 0) places = await findPlaces()
    looks += 1
    const { mounts, temperatures, lifeTimes } = places
    const files = [
      'stat',
      'loadavg',
      'meminfo',
      'pressure/cpu',
      'pressure/memory',
      'pressure/io',
      'diskstats',
      'net/dev',
      'uptime',
    ]
    const [stat, loadavg, meminfo, cpuPressure, memoryPressure, ioPressure, diskstats, netDev, uptime] =
      await Promise.all(files.map((file) => text(`proc/${file}`)))
    const [disks, degrees, lives, throttled, gpus] = await Promise.all([
      entriesOf(
        mounts.map((mount) => [mount, mount]),
        readDisk,
      ),
      entriesOf(Object.entries(temperatures), async (path) => numberOf(await text(path))),
      entriesOf(Object.entries(lifeTimes), text),
      text('sys/devices/platform/soc/soc:firmware/get_throttled'),
      readGpus(),
    ])
    return {
      ...{ stat, loadavg, meminfo, cpuPressure, memoryPressure, ioPressure, diskstats, netDev, uptime, throttled },
      ...{ disks, temperatures: degrees, lifeTimes: lives, gpus },
      agentResidentBytes: process.memoryUsage.rss(),
      agentLoopDelayMs: loopDelayMs(),
    }
  }
}

type Places = {
  readonly mounts: readonly string[]
  /** paths of files, by name */
  readonly temperatures: Readonly<Record<string, string>>
  readonly lifeTimes: Readonly<Record<string, string>>
}

const numberOf = (text: string | undefined): number | undefined => {
  const value = Number(text?.trim() || Number.NaN)
  return Number.isFinite(value) ? value : undefined
}

const entriesOf = async <T>(
  places: readonly (readonly [string, string])[],
  read: (path: string) => Promise<T | undefined>,
): Promise<Record<string, T>> => {
  const entries: Record<string, T> = {}
  await Promise.all(
    places.map(async ([name, path]) => {
      const value = await read(path)
      if (value !== undefined) entries[name] = value
    }),
  )
  return entries
}
