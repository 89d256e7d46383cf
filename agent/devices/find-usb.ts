/** USB adapters that no driver made a device of another class of: programs talk to them through libusb. */
import { describeDevice, type Found, type Host } from './describe-device.ts'
import { entriesOf } from './sysfs-device.ts'

const hub = '09'

/** Coral's USB accelerator, before and after its firmware is loaded: it comes back as another product. */
const edgeTpus: ReadonlySet<string> = new Set(['1a6e:089a', '18d1:9302'])

/** @param others what was found of other classes: an adapter behind one of them is not listed twice */
export const findUsb = async (host: Host, others: readonly Found[]): Promise<readonly Found[]> => {
  const claimed = others.flatMap(({ path }) => path ?? [])
  const entries = (await entriesOf(host.files, '/sys/bus/usb/devices')).filter(({ name }) => /^\d+-[\d.]+$/.test(name))
  const found = await Promise.all(
    entries.map(async ({ name, path }): Promise<Found[]> => {
      if (claimed.some((other) => other.startsWith(`${path}/`) && !isBehindPort(other, path))) return []
      if ((await host.files.line(`${path}/bDeviceClass`)) === hub) return []
      const { device, ...rest } = await describeDevice(host, { class: 'usb', name }, path)
      const isEdgeTpu = edgeTpus.has(`${device.usb?.vendor}:${device.usb?.product}`)
      return [{ ...rest, device: isEdgeTpu ? { ...device, class: 'npu', model: 'Google Coral Edge TPU' } : device }]
    }),
  )
  return found.flat()
}

/** Behind a hub, whose folder holds those of what is plugged into it. */
const isBehindPort = (path: string, hubPath: string): boolean =>
  /^\d+-[\d.]+$/.test(path.slice(hubPath.length + 1).split('/')[0] ?? '')
