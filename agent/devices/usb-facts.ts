/** What an adapter says of itself: files of its folder in sysfs. */
import { defined } from '../../src/defined.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { HostFiles } from './host-files.ts'

/**
 * @param device the folder of the adapter in sysfs
 * @param usbInterface that of the one of its interfaces which is meant
 */
export const usbFacts = async (
  files: HostFiles,
  device: string,
  usbInterface?: string,
): Promise<HostDevice['usb'] | undefined> => {
  const [vendor, product, serialNumber, manufacturer, productName, number] = await Promise.all([
    files.line(`${device}/idVendor`),
    files.line(`${device}/idProduct`),
    files.line(`${device}/serial`),
    files.line(`${device}/manufacturer`),
    files.line(`${device}/product`),
    usbInterface === undefined ? undefined : files.line(`${usbInterface}/bInterfaceNumber`),
  ])
  // Pulled out in mid-read.
  if (vendor === undefined || product === undefined) return undefined
  return defined({ vendor, product, serialNumber, interface: number, manufacturer, productName })
}
