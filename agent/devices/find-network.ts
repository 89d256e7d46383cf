/** Network interfaces that are hardware, and CAN, which has no node: a container gets it by its name. */
import { defined } from '../../src/defined.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import { describeDevice, type Found, type Host } from './describe-device.ts'
import { entriesOf, readUevent } from './sysfs-device.ts'

export type NetworkInterface = NonNullable<Inventory['networkInterfaces']>[number]

type Interface = { readonly name: string; readonly path: string; readonly kind: string; readonly mac?: string }

/** Bridges, tunnels and the ends of containers come and go with what runs; they are none of the machine. */
export const findNetworkInterfaces = async (host: Host): Promise<NetworkInterface[]> =>
  (await readInterfaces(host)).map(({ path: _, ...known }) => known)

export const findCan = async (host: Host): Promise<readonly Found[]> =>
  Promise.all(
    (await readInterfaces(host))
      .filter(({ kind }) => kind === 'can')
      .map(({ name, path }) => describeDevice(host, { class: 'can', name }, path)),
  )

/** ARPHRD_ETHER and ARPHRD_CAN of the kernel. */
const ethernet = '1'
const can = '280'

const readInterfaces = async ({ files }: Host): Promise<readonly Interface[]> => {
  const entries = await entriesOf(files, '/sys/class/net')
  const found = await Promise.all(
    entries.map(async ({ name, path }): Promise<Interface[]> => {
      const type = await files.line(`${path}/type`)
      if (type === can) return [{ name, path, kind: 'can' }]
      if (path.startsWith('/sys/devices/virtual/')) return []
      const [{ DEVTYPE }, address] = await Promise.all([readUevent(files, path), files.line(`${path}/address`)])
      const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address ?? '') ? address : undefined
      const kind = DEVTYPE === 'wlan' ? 'wifi' : DEVTYPE === 'wwan' ? 'wwan' : type === ethernet ? 'ethernet' : 'other'
      return [defined({ name, path, kind, mac })]
    }),
  )
  return found.flat()
}
