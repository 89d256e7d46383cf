/** A device of sysfs as the inventory lists it: its node, its links, and what it is plugged into. */
import { defined } from '../../src/defined.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { type DeviceLinks, readDeviceLinks } from './device-links.ts'
import type { HostFiles } from './host-files.ts'
import { busFacts, nodeFacts } from './sysfs-device.ts'
import { udevLinks } from './udev-data.ts'

/** What every kind of device is looked up with, read once for all of them. */
export type Host = {
  readonly files: HostFiles
  readonly links: ReadonlyMap<string, DeviceLinks>
  /** names of groups by number */
  readonly groups: ReadonlyMap<number, string>
}

/** A device, and where sysfs has it. */
export type Found = { readonly device: HostDevice; readonly path?: string; readonly pciSlot?: string }

export const openHost = async (files: HostFiles): Promise<Host> => {
  const [links, groups] = await Promise.all([readDeviceLinks(files), files.text('/etc/group')])
  return { files, links, groups: parseGroups(groups ?? '') }
}

/** @param path the real one, of what has the node */
export const describeDevice = async (
  { files, links, groups }: Host,
  of: Pick<HostDevice, 'class' | 'name'> & { readonly model?: string | undefined },
  path: string,
): Promise<Found> => {
  const [{ node, major, minor }, { pciSlot, ...bus }] = await Promise.all([
    nodeFacts(files, path),
    busFacts(files, path),
  ])
  const gid = node === undefined ? undefined : await files.gid(node)
  const linksOfNode = node === undefined ? undefined : links.get(node)
  const others = major === undefined || minor === undefined ? [] : await udevLinks(files, major, minor)
  return {
    path,
    ...defined({ pciSlot }),
    device: defined({
      ...of,
      // A node that is not there (yet) is none.
      ...(gid === undefined ? {} : { node, gid, group: groups.get(gid) }),
      major,
      minor,
      byId: someOf(linksOfNode?.byId),
      byPath: someOf(linksOfNode?.byPath),
      links: someOf(others),
      ...bus,
    }),
  }
}

export const someOf = (values: readonly string[] | undefined): string[] | undefined =>
  values === undefined || values.length === 0 ? undefined : [...values]

const parseGroups = (text: string): ReadonlyMap<number, string> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [name, , gid] = line.split(':')
      return name && /^\d+$/.test(gid ?? '') ? [[Number(gid), name] as const] : []
    }),
  )
