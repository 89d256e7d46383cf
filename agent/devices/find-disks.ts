/** Disks and how large they are; how full they are is telemetry. */
import { defined } from '../../src/defined.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import type { HostFiles } from './host-files.ts'
import { entriesOf } from './sysfs-device.ts'

export type Disk = NonNullable<Inventory['disks']>[number]

/** sysfs counts in these, whatever the disk does. */
const sectorBytes = 512

/** Loops, RAM disks and what is made of other disks are none; a card reader without a card has no size. */
export const findDisks = async (files: HostFiles): Promise<Disk[]> => {
  const entries = (await entriesOf(files, '/sys/block')).filter(({ path }) => !path.startsWith('/sys/devices/virtual/'))
  const disks = await Promise.all(
    entries.map(async ({ name, path }): Promise<Disk[]> => {
      const [size, model, cardName] = await Promise.all([
        files.line(`${path}/size`),
        files.line(`${path}/device/model`),
        files.line(`${path}/device/name`),
      ])
      const sectors = /^\d{1,12}$/.test(size ?? '') ? Number(size) : 0
      // Parts of a memory card that hold its firmware.
      if (sectors === 0 || /^mmcblk\d+(boot|rpmb)/.test(name)) return []
      return [defined({ name, sizeBytes: sectors * sectorBytes, model: model ?? cardName })]
    }),
  )
  return disks.flat()
}
