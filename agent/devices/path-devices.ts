/** What stands at a path that somebody wrote: a device that is in no class of the inventory, or a virtual one. */
import { open, readdir, readlink, stat } from 'node:fs/promises'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { pathsOf } from '../allot/match-device.ts'
import type { DeviceWish } from '../allot/wish.ts'
import { numbersOf } from './make-node.ts'

/** `other`: a folder of devices, a disk, or no node of this machine; the engine may hand it over, and nobody follows it. */
export type AtPath = { readonly kind: 'device'; readonly device: HostDevice } | { readonly kind: 'other' }

/** O_PATH of open(2): holds what a path leads to without a word to its driver. Not among the constants of Node.js. */
const holdOnly = 0o10000000

/**
 * Links may be pointed elsewhere by others at any time: numbers and name are read of one thing that is held, so that
 * what the policy judges is what is handed over.
 *
 * @returns undefined: nothing stands there
 */
export const readPathDevice = async (path: string): Promise<AtPath | undefined> => {
  const held = await open(path, holdOnly).catch(() => undefined)
  if (held === undefined) return undefined
  try {
    const [found, node, folder] = await Promise.all([
      held.stat({ bigint: true }),
      readlink(`/proc/self/fd/${held.fd}`),
      stat('/dev', { bigint: true }),
    ])
    if (found.nlink === 0n) return undefined
    // A folder comes before what is to stand in it, and no engine takes it empty.
    if (found.isDirectory() && (await readdir(path)).length === 0) return undefined
    const { major, minor } = numbersOf(found.rdev)
    const isTerminal = isTerminalMajor(major)
    // Only root makes nodes in /dev itself; elsewhere a container may have made one, in a volume or in shared memory.
    const isOfMachine = isTerminal ? isNamedTerminal(path, node) : found.dev === folder.dev
    if (!found.isCharacterDevice() || !isOfMachine) return { kind: 'other' }
    const device = {
      class: isTerminal ? 'pty' : 'other',
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
  } finally {
    await held.close()
  }
}

/** Slaves of devpts, as in the kernel's list of device numbers (admin-guide/devices). */
const isTerminalMajor = (major: number): boolean => major >= 136 && major <= 143

/** A virtual port has a name under /dev. One that has only its number may be somebody's login. */
const isNamedTerminal = (path: string, node: string): boolean =>
  /^\/dev\/pts\/\d+$/.test(node) && path.startsWith('/dev/') && !/^\/dev\/(pts|fd)\/|^\/dev\/std/.test(path)

/** The hardware, and what is named by its path and was not found by its class. `others` are paths of what nobody follows. */
export const withPathDevices = async (
  wishes: readonly DeviceWish[],
  found: readonly HostDevice[],
): Promise<{ readonly devices: readonly HostDevice[]; readonly others: ReadonlySet<string> }> => {
  const known = new Set(found.flatMap(pathsOf))
  const paths = new Set(wishes.flatMap(({ selector: { match } }) => match.path ?? []))
  const unknown = [...paths].filter((path) => !known.has(path) && !path.includes('*'))
  const read = await Promise.all(unknown.map(async (path) => [path, await readPathDevice(path)] as const))
  return {
    devices: read.reduce<readonly HostDevice[]>(
      (devices, [path, at]) => (at?.kind === 'device' ? withDevice(devices, at.device, path) : devices),
      found,
    ),
    others: new Set(read.flatMap(([path, at]) => (at?.kind === 'other' ? [path] : []))),
  }
}

/** Another name of what is there already is no second device: nobody would know that it is held. */
const withDevice = (devices: readonly HostDevice[], device: HostDevice, path: string): readonly HostDevice[] => {
  const isSame = ({ major, minor }: HostDevice): boolean => major === device.major && minor === device.minor
  if (!devices.some(isSame)) return [...devices, device]
  return devices.map((one) => (isSame(one) ? { ...one, links: [...(one.links ?? []), path] } : one))
}
