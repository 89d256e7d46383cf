/** What sysfs tells of one device: its node, and what it is plugged into. All from its real path, by walking up. */
import { dirname } from 'node:path'
import { defined } from '../../src/defined.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { HostFiles } from './host-files.ts'
import { usbFacts } from './usb-facts.ts'

export type SysfsEntry = { readonly name: string; readonly path: string }

/** What stands in a folder of links such as /sys/class/tty, with the real path of each. */
export const entriesOf = async (files: HostFiles, folder: string): Promise<readonly SysfsEntry[]> => {
  const found = await Promise.all(
    (await files.names(folder)).map(async (name) => {
      const path = await files.target(`${folder}/${name}`)
      if (path === undefined || !path.startsWith('/sys/devices/')) return []
      // One that is being taken away may leave its link for a moment.
      return (await files.text(`${path}/uevent`)) === undefined ? [] : [{ name, path }]
    }),
  )
  return found.flat()
}

/** KEY=value lines, as of a `uevent` file. */
export const readUevent = async (files: HostFiles, path: string): Promise<Readonly<Record<string, string>>> => {
  const text = (await files.text(`${path}/uevent`)) ?? ''
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=')
      return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]]
    }),
  )
}

/** The node that the kernel makes for it, where it makes one. */
export const nodeFacts = async (
  files: HostFiles,
  path: string,
): Promise<{ readonly node?: string; readonly major?: number; readonly minor?: number }> => {
  const { DEVNAME, MAJOR, MINOR } = await readUevent(files, path)
  // What names a file of another folder is no name of the kernel.
  if (DEVNAME === undefined || DEVNAME.split('/').includes('..')) return {}
  if (!/^\d{1,9}$/.test(MAJOR ?? '') || !/^\d{1,9}$/.test(MINOR ?? '')) return {}
  return { node: `/dev/${DEVNAME}`, major: Number(MAJOR), minor: Number(MINOR) }
}

/** Which driver and which adapter or card it belongs to. */
export const busFacts = async (
  files: HostFiles,
  path: string,
): Promise<Pick<HostDevice, 'usb' | 'driver'> & { readonly pci?: string; readonly pciSlot?: string }> => {
  let driver: string | undefined
  let usbInterface: string | undefined
  for (let at = path; at !== '/sys/devices' && at.startsWith('/sys/'); at = dirname(at)) {
    const uevent = await readUevent(files, at)
    driver ??= ownDriver(uevent.DRIVER)
    if (uevent.DEVTYPE === 'usb_interface') usbInterface = at
    if (uevent.DEVTYPE === 'usb_device') {
      // Beside the driver of its interface, that of the whole adapter ("usb") says nothing.
      return defined({ driver, usb: await usbFacts(files, at, usbInterface) })
    }
    if (uevent.PCI_SLOT_NAME !== undefined)
      return defined({ driver, pci: uevent.PCI_ID?.toLowerCase(), pciSlot: uevent.PCI_SLOT_NAME })
    // What is above a part of the board is no part of it.
    if (driver !== undefined && uevent.OF_FULLNAME !== undefined) break
  }
  return defined({ driver })
}

/** Newer kernels put a device of their own between a UART and what drives it. */
const ownDriver = (name: string | undefined): string | undefined =>
  name === 'port' || name === 'ctrl' || name === 'usb' ? undefined : name
