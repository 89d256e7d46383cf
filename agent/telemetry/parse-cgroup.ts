/** What the kernel counts for a group of processes: where its files are, and what they say. Both versions of cgroups. Pure. */
import { parseNetwork } from './parse-proc.ts'

/** A container's files by what they tell; a missing one is left out of what is told. */
export type CgroupFiles = {
  readonly version: 1 | 2
  readonly paths: Readonly<Partial<Record<CgroupFile, string>>>
}

export type CgroupFile = 'cpu' | 'cpuStat' | 'memory' | 'memoryStat' | 'memoryLimit' | 'memoryEvents' | 'io' | 'pids'

/** Counters since the group was made; memory and pids as they are. */
export type Usage = {
  readonly cpuMs?: number
  readonly throttledMs?: number
  /** without files that can be dropped at once, as `docker stats` has it */
  readonly memoryBytes?: number
  readonly memoryLimitBytes?: number
  readonly outOfMemoryKills?: number
  readonly readBytes?: number
  readonly writtenBytes?: number
  readonly receivedBytes?: number
  readonly sentBytes?: number
  readonly pids?: number
}

type Mount = { readonly point: string; readonly root: string }

/** Mount points of the hierarchies, by controller; that of version 2 under ''. @param mountinfo proc(5), /proc/self/mountinfo */
export const parseCgroupMounts = (mountinfo: string): ReadonlyMap<string, Mount> => {
  const mounts = new Map<string, Mount>()
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root, point] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    if (root === undefined || point === undefined) continue
    const controllers = type === 'cgroup2' ? [''] : type === 'cgroup' ? options.split(',') : []
    for (const controller of controllers) if (!mounts.has(controller)) mounts.set(controller, { point, root })
  }
  return mounts
}

/**
 * undefined: the machine has no cgroups that can be read. The group is that of the whole container: its first process may be in
 * one below (crun has it in `/container`, systemd in `/init.scope`), which has no limits and only a part of the counts.
 * @param ofProcess /proc/PID/cgroup, cgroups(7)
 * @param id of the container, which every engine has in the name of its group
 */
export const cgroupFilesOf = (
  ofProcess: string,
  mounts: ReadonlyMap<string, Mount>,
  id: string,
): CgroupFiles | undefined => {
  const folders = new Map<string, string>()
  for (const line of ofProcess.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    for (const controller of controllers?.split(',') ?? []) {
      const mount = mounts.get(controller)
      const folder = mount && path && under(mount, upTo(id, path))
      if (folder !== undefined) folders.set(controller, folder)
    }
  }
  const isFirstVersion = folders.has('memory') || folders.has('cpuacct')
  if (!isFirstVersion && !folders.has('')) return undefined
  const files = isFirstVersion ? firstVersion : secondVersion
  const paths: Partial<Record<CgroupFile, string>> = {}
  for (const [file, [controller, name]] of Object.entries(files)) {
    const folder = folders.get(controller)
    if (folder !== undefined) paths[file as CgroupFile] = `${folder}/${name}`
  }
  return { version: isFirstVersion ? 1 : 2, paths }
}

const upTo = (id: string, path: string): string => {
  const start = path.lastIndexOf(id)
  const end = start === -1 ? -1 : path.indexOf('/', start)
  return end === -1 ? path : path.slice(0, end)
}

/** A part of a hierarchy may be mounted; what lies outside of it cannot be seen. */
const under = ({ point, root }: Mount, path: string): string | undefined => {
  if (root === '/') return `${point}${path}`
  return path === root || path.startsWith(`${root}/`) ? `${point}${path.slice(root.length)}` : undefined
}

const firstVersion: Record<CgroupFile, readonly [controller: string, name: string]> = {
  cpu: ['cpuacct', 'cpuacct.usage'],
  cpuStat: ['cpu', 'cpu.stat'],
  memory: ['memory', 'memory.usage_in_bytes'],
  memoryStat: ['memory', 'memory.stat'],
  memoryLimit: ['memory', 'memory.limit_in_bytes'],
  memoryEvents: ['memory', 'memory.oom_control'],
  io: ['blkio', 'blkio.throttle.io_service_bytes'],
  pids: ['pids', 'pids.current'],
}

const secondVersion: Partial<typeof firstVersion> = {
  cpuStat: ['', 'cpu.stat'],
  memory: ['', 'memory.current'],
  memoryStat: ['', 'memory.stat'],
  memoryLimit: ['', 'memory.max'],
  memoryEvents: ['', 'memory.events'],
  io: ['', 'io.stat'],
  pids: ['', 'pids.current'],
}

/** @param netDev /proc/PID/net/dev of a network that is the container's own */
export const usageOf = (
  version: 1 | 2,
  texts: Readonly<Partial<Record<CgroupFile, string>>>,
  netDev: string | undefined,
): Usage => ({
  ...(version === 1 ? firstUsage(texts) : secondUsage(texts)),
  ...ioUsage(version, texts.io),
  ...networkUsage(netDev),
  ...finite({ pids: numberOf(texts.pids), outOfMemoryKills: fieldOf(texts.memoryEvents, 'oom_kill') }),
})

/** Documentation/admin-guide/cgroup-v1: nanoseconds, and a limit that is no limit is near 2^63. */
const firstUsage = (texts: Readonly<Partial<Record<CgroupFile, string>>>): Usage => {
  const limit = numberOf(texts.memoryLimit)
  return finite({
    cpuMs: scaled(numberOf(texts.cpu), 1e-6),
    throttledMs: scaled(fieldOf(texts.cpuStat, 'throttled_time'), 1e-6),
    memoryBytes: withoutCache(numberOf(texts.memory), fieldOf(texts.memoryStat, 'total_inactive_file')),
    memoryLimitBytes: limit !== undefined && limit < 2 ** 60 ? limit : undefined,
  })
}

/** Documentation/admin-guide/cgroup-v2.rst: microseconds, and a limit that is no limit is `max`. */
const secondUsage = (texts: Readonly<Partial<Record<CgroupFile, string>>>): Usage =>
  finite({
    cpuMs: scaled(fieldOf(texts.cpuStat, 'usage_usec'), 1e-3),
    throttledMs: scaled(fieldOf(texts.cpuStat, 'throttled_usec'), 1e-3),
    memoryBytes: withoutCache(numberOf(texts.memory), fieldOf(texts.memoryStat, 'inactive_file')),
    memoryLimitBytes: numberOf(texts.memoryLimit),
  })

/** `8:0 Read 4096` in version 1, `8:0 rbytes=4096 wbytes=0` in version 2; a line a device. */
const ioUsage = (version: 1 | 2, text: string | undefined): Usage => {
  if (text === undefined) return {}
  const [read, written] = version === 1 ? [/ Read (\d+)/g, / Write (\d+)/g] : [/ rbytes=(\d+)/g, / wbytes=(\d+)/g]
  return { readBytes: sumOf(text, read), writtenBytes: sumOf(text, written) }
}

const sumOf = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)

const networkUsage = (netDev: string | undefined): Usage => {
  if (netDev === undefined) return {}
  const own = [...parseNetwork(netDev)].filter(([name]) => name !== 'lo').map(([, counters]) => counters)
  if (own.length === 0) return {}
  return {
    receivedBytes: own.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
    sentBytes: own.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
  }
}

const withoutCache = (used: number | undefined, cached = 0): number | undefined =>
  used === undefined ? undefined : Math.max(0, used - cached)

const numberOf = (text: string | undefined): number | undefined => {
  const value = Number(text?.trim() || Number.NaN)
  return Number.isFinite(value) ? value : undefined
}

/** Of a file with a name and a number on each line. */
const fieldOf = (text: string | undefined, name: string): number | undefined =>
  numberOf(text && new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])

const scaled = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : Math.round(value * factor)

const finite = (values: { readonly [Key in keyof Usage]: Usage[Key] | undefined }): Usage =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
