/** What stands at a path that somebody wrote: a device that is in no class of the inventory, or a virtual one. */
import { realpath, stat } from 'node:fs/promises'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { pathsOf } from '../allot/match-device.ts'
import type { DeviceWish } from '../allot/wish.ts'
import { numbersOf } from './make-node.ts'

/** `other`: a folder of devices, or a disk; the engine may hand it over, and nobody follows it. */
export type AtPath = { readonly kind: 'device'; readonly device: HostDevice } | { readonly kind: 'other' }

/** Slaves of devpts, as in the kernel's list of device numbers (admin-guide/devices). */
const isTerminalMajor = (major: number): boolean => major >= 136 && major <= 143

/** undefined: nothing stands there. */
export const readPathDevice = async (path: string): Promise<AtPath | undefined> => {
  try {
    const [node, found] = await Promise.all([realpath(path), stat(path, { bigint: true })])
    if (!found.isCharacterDevice()) return { kind: 'other' }
    const { major, minor } = numbersOf(found.rdev)
    const device = {
      class: isTerminalMajor(major) ? 'pty' : 'other',
      name: node.replace(/^\/dev\//, ''),
      node,
      major,
      minor,
      gid: Number(found.gid),
      ...(node === path ? {} : { links: [path] }),
    }
    return { kind: 'device', device }
  } catch {
    return undefined
  }
}

/** What is named by its path and was not found by its class. `others` are paths of what nobody follows. */
export const readPathDevices = async (
  wishes: readonly DeviceWish[],
  found: readonly HostDevice[],
): Promise<{ readonly devices: readonly HostDevice[]; readonly others: ReadonlySet<string> }> => {
  const known = new Set(found.flatMap(pathsOf))
  const paths = new Set(wishes.flatMap(({ selector: { match } }) => match.path ?? []))
  const unknown = [...paths].filter((path) => !known.has(path) && !path.includes('*'))
  const read = await Promise.all(unknown.map(async (path) => [path, await readPathDevice(path)] as const))
  return {
    devices: read.flatMap(([, at]) => (at?.kind === 'device' ? [at.device] : [])),
    others: new Set(read.flatMap(([path, at]) => (at?.kind === 'other' ? [path] : []))),
  }
}
