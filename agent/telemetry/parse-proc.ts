/** The texts of /proc and /sys, read. What is missing or odd in them is left out. Pure. */

export type CpuTimes = {
  readonly total: number
  readonly idle: number
  readonly ioWait: number
  readonly steal: number
}

/** First line of /proc/stat, in ticks: user nice system idle iowait irq softirq steal; guest is part of user. proc(5). */
export const parseCpu = (text: string): CpuTimes | undefined => {
  const line = /^cpu +(.*)$/m.exec(text)?.[1]
  if (line === undefined) return undefined
  const ticks = line.split(/\s+/).map(Number).slice(0, 8)
  if (ticks.length < 4 || !ticks.every(Number.isFinite)) return undefined
  const [, , , idle = 0, ioWait = 0, , , steal = 0] = ticks
  return { total: ticks.reduce((sum, tick) => sum + tick, 0), idle, ioWait, steal }
}

/** /proc/meminfo, in bytes by name. */
export const parseMemory = (text: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...text.matchAll(/^([\w()]+): +(\d+)( kB)?$/gm)].map(([, name, value, unit]) => [
      name as string,
      Number(value) * (unit === undefined ? 1 : 1024),
    ]),
  )

/** /proc/loadavg: means of 1, 5 and 15 minutes. */
export const parseLoad = (text: string): readonly [number, number, number] | undefined => {
  const values = text.split(' ').slice(0, 3).map(Number)
  return values.length === 3 && values.every(Number.isFinite) ? (values as [number, number, number]) : undefined
}

/** /proc/pressure/*: percent of the last minute in which at least one task waited. Documentation/accounting/psi.rst. */
export const parsePressure = (text: string): number | undefined => {
  const value = /^some .*avg60=([\d.]+)/m.exec(text)?.[1]
  return value === undefined ? undefined : Number(value)
}

export type BlockCounters = { readonly readBytes: number; readonly writtenBytes: number; readonly busyMs: number }

/** Sectors are 512 bytes here, whatever the device has. Documentation/admin-guide/iostats.rst. */
const sectorBytes = 512

/** /proc/diskstats, by device; what never did anything is left out. */
export const parseDiskstats = (text: string): ReadonlyMap<string, BlockCounters> => {
  const counters = new Map<string, BlockCounters>()
  for (const line of text.split('\n')) {
    const [, , name, reads, , readSectors, , writes, , writtenSectors, , , busyMs] = line.trim().split(/\s+/)
    if (name === undefined || busyMs === undefined || (reads === '0' && writes === '0')) continue
    const values = {
      readBytes: Number(readSectors) * sectorBytes,
      writtenBytes: Number(writtenSectors) * sectorBytes,
      busyMs: Number(busyMs),
    }
    if (Object.values(values).every(Number.isFinite)) counters.set(name, values)
  }
  return counters
}

export type NetworkCounters = { readonly receivedBytes: number; readonly sentBytes: number; readonly errors: number }

/** /proc/net/dev, by interface. */
export const parseNetwork = (text: string): ReadonlyMap<string, NetworkCounters> => {
  const counters = new Map<string, NetworkCounters>()
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? []
    const values = rest?.trim().split(/\s+/).map(Number)
    if (name === undefined || values === undefined || values.length < 12 || !values.every(Number.isFinite)) continue
    const [receivedBytes = 0, , receiveErrors = 0, receiveDrops = 0] = values
    const [sentBytes = 0, , sendErrors = 0, sendDrops = 0] = values.slice(8)
    counters.set(name, { receivedBytes, sentBytes, errors: receiveErrors + receiveDrops + sendErrors + sendDrops })
  }
  return counters
}

/** /proc/uptime: seconds since the start. */
export const parseUptime = (text: string): number | undefined => {
  const seconds = Number(text.split(' ')[0])
  return Number.isFinite(seconds) && text.trim() !== '' ? seconds : undefined
}

/**
 * /proc/self/mountinfo: mount points of real file systems that can be written to, one for each; the shortest path where several
 * show the same.
 */
export const parseMounts = (text: string): readonly string[] => {
  const byDevice = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , device, , path] = before.split(' ')
    // Read-only as a whole: it is full by nature. As a mount alone it may be, where systemd shields the agent.
    const [type, , options = ''] = after.split(' ')
    const isReadOnly = options.split(',').includes('ro')
    if (device === undefined || path === undefined || type === undefined || isReadOnly || !isReal(type)) continue
    const mount = unescapeMount(path)
    const known = byDevice.get(device)
    if (known === undefined || mount.length < known.length) byDevice.set(device, mount)
  }
  return [...byDevice.values()].sort()
}

const isReal = (type: string): boolean =>
  /^(ext[234]|xfs|btrfs|f2fs|vfat|exfat|ntfs3?|zfs|jffs2|ubifs|nilfs2|bcachefs)$/.test(type)

/** Spaces and backslashes stand there in octal. */
const unescapeMount = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
