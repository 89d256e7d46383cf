/** Serial ports: those with a UART or an adapter behind them, and pseudo-terminals that somebody gave a name under /dev. */
import { describeDevice, type Found, type Host } from './describe-device.ts'
import { entriesOf } from './sysfs-device.ts'

export const findSerialPorts = async (host: Host): Promise<readonly Found[]> => {
  const entries = (await entriesOf(host.files, '/sys/class/tty')).filter(
    // The console and the virtual terminals.
    ({ path }) => !path.startsWith('/sys/devices/virtual/'),
  )
  const ports = await Promise.all(
    entries.map(async ({ name, path }) => {
      // The kernel lists a ttyS for each port that the board could have; of those without a UART the type is 0.
      const isReal = (await host.files.line(`${path}/type`)) !== '0'
      return isReal ? [await describeDevice(host, { class: 'serial', name }, path)] : []
    }),
  )
  return [...ports.flat(), ...(await findVirtualPorts(host))]
}

/** The major of the first pseudo-terminals; each next 256 have the next one. */
const firstPtsMajor = 136

/** As socat and ser2net make them: a link /dev/ttyVIRT0 to /dev/pts/3. A class of their own: their node works nowhere else. */
const findVirtualPorts = async ({ files, groups }: Host): Promise<readonly Found[]> => {
  const names = (await files.names('/dev')).filter((name) => name.startsWith('tty'))
  const found = await Promise.all(
    names.map(async (name): Promise<Found[]> => {
      const link = `/dev/${name}`
      const node = await files.target(link)
      const number = /^\/dev\/pts\/(\d{1,6})$/.exec(node ?? '')?.[1]
      const gid = node === undefined || number === undefined ? undefined : await files.gid(node)
      if (node === undefined || gid === undefined) return []
      const group = groups.get(gid)
      const numbers = { major: firstPtsMajor + Math.floor(Number(number) / 256), minor: Number(number) % 256 }
      const device = { class: 'pty', name, node, ...numbers, gid, links: [link], driver: 'pts' }
      return [{ device: group === undefined ? device : { ...device, group } }]
    }),
  )
  return found.flat()
}
