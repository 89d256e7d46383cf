/** What was plugged in and what was unplugged between two looks. Pure. */
import type { HostDevice } from '../../src/protocol/host-device.ts'

export type DeviceChanges = { readonly plugged: readonly HostDevice[]; readonly unplugged: readonly HostDevice[] }

/** Another adapter under the same name is another device; one that only got its links, or its group, is the same. */
export const deviceChanges = (before: readonly HostDevice[], after: readonly HostDevice[]): DeviceChanges => {
  const known = new Set(before.map(identityOf))
  const present = new Set(after.map(identityOf))
  return {
    plugged: after.filter((device) => !known.has(identityOf(device))),
    unplugged: before.filter((device) => !present.has(identityOf(device))),
  }
}

const identityOf = ({ class: ofClass, name, node, usb }: HostDevice): string =>
  // A node that was taken away is what a container misses, whatever sysfs still says.
  JSON.stringify([ofClass, name, node, usb?.vendor, usb?.product, usb?.serialNumber, usb?.interface])
