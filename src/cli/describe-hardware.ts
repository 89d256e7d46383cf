/** The hardware of a device as a table for people. Pure but for colour. */
import { printable } from '../project/printable.ts'
import type { HostDevice } from '../protocol/host-device.ts'
import type { Inventory } from '../protocol/inventory.ts'
import { matchYaml } from './hardware-compose.ts'
import { hardwareMatch } from './hardware-match.ts'
import { table } from './output.ts'

/** The table, and below it what is no row of one. */
export const hardwareText = (inventory: Inventory): string =>
  [hardwareTable(inventory.devices ?? []), ...moreOf(inventory)].join('\n')

const hardwareTable = (devices: readonly HostDevice[]): string =>
  devices.length === 0
    ? 'no hardware that could be given to containers'
    : table(
        ['CLASS', 'NODE', 'WHAT', 'DRIVER', 'USED BY', 'MATCH'],
        devices.map((device) => {
          const match = hardwareMatch(device, devices)
          return [
            device.class,
            device.node ?? device.name,
            whatText(device),
            device.driver ?? '-',
            device.usedBy?.map(({ app, service }) => `${app}/${service}`).join(', ') ?? '-',
            match === undefined ? '-' : matchYaml(match),
          ].map(printable)
        }),
      )

const whatText = ({ model, usb, gpu, pci }: HostDevice): string => {
  const name = model ?? [usb?.manufacturer, usb?.productName].filter((text) => text !== undefined).join(' ')
  const known = [
    name,
    gpu?.memoryBytes === undefined ? '' : gibibytes(gpu.memoryBytes),
    gpu?.driverVersion === undefined ? '' : `driver ${gpu.driverVersion}`,
    gpu?.cudaVersion === undefined ? '' : `CUDA ${gpu.cudaVersion}`,
  ].filter((text) => text !== '')
  return known.join(', ') || (pci === undefined ? '-' : `PCI ${pci}`)
}

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

const moreOf = ({
  labels = {},
  cdi = [],
  disks = [],
  networkInterfaces = [],
  cpu,
  features = {},
}: Inventory): string[] =>
  [
    ['labels', Object.entries(labels).map(([key, value]) => `${key}=${value}`)],
    ['cdi', cdi],
    ['cpu', cpu === undefined ? [] : [cpu.model]],
    ['disks', disks.map(({ name, sizeBytes, model }) => [name, gibibytes(sizeBytes), model ?? ''].join(' ').trim())],
    ['network', networkInterfaces.map(({ name, kind, mac }) => [name, kind, mac ?? ''].join(' ').trim())],
    [
      'not possible here',
      Object.entries(features).flatMap(([name, { available, reason }]) =>
        available ? [] : [reason === undefined ? name : `${name} (${reason})`],
      ),
    ],
  ].flatMap(([name, values = []]) =>
    values.length === 0 ? [] : [printable(`${name}: ${(values as readonly string[]).join(', ')}`)],
  )
