/** Reads what the kernel counts for containers, from files of their cgroups: no child process, and nothing of the engine. */
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { type CgroupFile, type CgroupFiles, cgroupFilesOf, parseCgroupMounts, usageOf } from './parse-cgroup.ts'
import type { RunningContainer } from './running-containers.ts'
import type { ContainerReading } from './service-sample.ts'

export type ContainerReader = (containers: readonly RunningContainer[]) => readonly ContainerReading[]

/** @param root where /proc and /sys are; tests describe other machines */
export const createContainerReader = (root: string): ContainerReader => {
  let places = new Map<string, Place>()
  const buffer = Buffer.allocUnsafe(longestBytes)
  const text = (path: string): string | undefined => textOf(join(root, path), buffer)

  const placeOf = ({ id, pid }: RunningContainer): Place => {
    const known = places.get(id)
    if (known?.pid === pid) return known
    const groups = text(`proc/${pid}/cgroup`)
    const mounts = text('proc/self/mountinfo')
    const files =
      groups === undefined || mounts === undefined ? undefined : cgroupFilesOf(groups, parseCgroupMounts(mounts), id)
    // A number that another process has by now would be counted for the container. Every engine has its id in the path.
    const isItsOwn = groups?.includes(id) === true
    const network = networkOf(root, String(pid))
    const hasOwnNetwork = isItsOwn && network !== undefined && network !== networkOf(root, 'self')
    return { pid, files: isItsOwn ? files : undefined, hasOwnNetwork }
  }

  return (containers) => {
    places = new Map(containers.map((container) => [container.id, placeOf(container)]))
    return containers.map(({ id, app, service, imageBytes, pid }) => {
      const { files, hasOwnNetwork } = places.get(id) as Place
      if (files === undefined) return { id, app, service, usage: {}, imageBytes }
      const texts = Object.fromEntries(
        Object.entries(files.paths).map(([file, path]) => [file, text(path)]),
      ) as Partial<Record<CgroupFile, string>>
      // Gone with its processes: then the number may be of another one soon.
      const isThere = texts.cpuStat !== undefined || texts.memory !== undefined
      const netDev = hasOwnNetwork && isThere ? text(`proc/${pid}/net/dev`) : undefined
      return { id, app, service, usage: usageOf(files.version, texts, netDev), imageBytes }
    })
  }
}

type Place = {
  readonly pid: number
  readonly files: CgroupFiles | undefined
  /** the counters of the machine's network are told with the machine */
  readonly hasOwnNetwork: boolean
}

/** Nothing here is longer but a machine's list of many disks, whose end is let go. */
const longestBytes = 64 * 1024

/**
 * Read while nothing else goes on: these files are made by the kernel from memory, in microseconds, and the way through the
 * pool of threads costs ten times as much (8 files a container, every 10 seconds).
 */
const textOf = (path: string, buffer: Buffer): string | undefined => {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    let length = 0
    for (;;) {
      const read = readSync(file, buffer, length, buffer.length - length, null)
      length += read
      if (read === 0 || length === buffer.length) return buffer.toString('utf8', 0, length)
    }
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

const networkOf = (root: string, process: string): string | undefined => {
  try {
    return readlinkSync(join(root, `proc/${process}/ns/net`))
  } catch {
    return undefined
  }
}
