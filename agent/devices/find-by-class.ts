/** Devices of which a folder of sysfs lists all there is to list: one row a kind. */
import { dirname } from 'node:path'
import type { HostDeviceClass } from '../../src/protocol/host-device.ts'
import { describeDevice, type Found, type Host } from './describe-device.ts'
import type { HostFiles } from './host-files.ts'
import { entriesOf } from './sysfs-device.ts'

type Kind = {
  readonly class: HostDeviceClass
  readonly folder: string
  /** of the names in the folder */
  readonly names: RegExp
  readonly model?: (files: HostFiles, path: string) => Promise<string | undefined>
}

const ownName: Kind['model'] = (files, path) => files.line(`${path}/name`)
const parentsName: Kind['model'] = (files, path) => files.line(`${dirname(path)}/name`)

const kinds: readonly Kind[] = [
  { class: 'video', folder: '/sys/class/video4linux', names: /^video\d+$/, model: ownName },
  { class: 'i2c', folder: '/sys/class/i2c-dev', names: /^i2c-\d+$/, model: ownName },
  { class: 'spi', folder: '/sys/class/spidev', names: /^spidev/ },
  { class: 'gpio', folder: '/sys/bus/gpio/devices', names: /^gpiochip\d+$/ },
  { class: 'input', folder: '/sys/class/input', names: /^event\d+$/, model: parentsName },
  { class: 'hid', folder: '/sys/class/hidraw', names: /^hidraw\d+$/ },
  { class: 'tpm', folder: '/sys/class/tpm', names: /^tpm\d+$/ },
  { class: 'tpm', folder: '/sys/class/tpmrm', names: /^tpmrm\d+$/ },
  {
    class: 'watchdog',
    folder: '/sys/class/watchdog',
    names: /^watchdog\d+$/,
    model: (files, path) => files.line(`${path}/identity`),
  },
]

export const findByClass = async (host: Host): Promise<readonly Found[]> => {
  const found = await Promise.all(
    kinds.map(async ({ class: ofKind, folder, names, model }) => {
      const entries = (await entriesOf(host.files, folder)).filter(({ name }) => names.test(name))
      return Promise.all(
        entries.map(async ({ name, path }) =>
          describeDevice(host, { class: ofKind, name, model: await model?.(host.files, path) }, path),
        ),
      )
    }),
  )
  return found.flat()
}
