/**
 * Makes the /sys, /dev, /proc, /run and /etc of a described machine in a temporary folder. Nodes are plain files: what they are
 * stands in sysfs. Layouts are those of real machines.
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import type { HostRoot } from '../../agent/devices/host-root.ts'

/** Paths without the leading slash; what begins with an arrow is a link. */
export type HostTree = Readonly<Record<string, string>>

/** Removed at the end of the test. */
export const makeHost = async (tree: HostTree): Promise<HostRoot & { readonly folder: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-host-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await growHost(folder, tree)
  return { folder, ...rootsIn(folder) }
}

export const rootsIn = (folder: string): HostRoot => {
  const under = (name: string): string => join(folder, name)
  return { sys: under('sys'), dev: under('dev'), proc: under('proc'), run: under('run'), etc: under('etc') }
}

/** Adds to it, as when something is plugged in. */
export const growHost = async (folder: string, tree: HostTree): Promise<void> => {
  for (const [path, content] of Object.entries(tree)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    if (content.startsWith('→ ')) await symlink(content.slice(2), file)
    else await writeFile(file, content)
  }
}

type Values = Readonly<Record<string, string | number | undefined>>

/** Files of one folder, each with a line. */
const filesOf = (folder: string, values: Values): HostTree =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[`${folder}/${name}`, `${value}\n`]],
    ),
  )

/** A folder of sysfs with its uevent. */
export const folder = (path: string, uevent: Values, files: Values = {}): HostTree => ({
  [`${path}/uevent`]: Object.entries(uevent)
    .map(([key, value]) => `${key}=${value}\n`)
    .join(''),
  ...filesOf(path, files),
})

export const pciCard = (path: string, driver: string, id: string, files: Values = {}): HostTree =>
  folder(path, { DRIVER: driver, PCI_ID: id.toUpperCase(), PCI_SLOT_NAME: path.split('/').at(-1) }, files)

/** What has a node: its folder, the link of its class, and the node itself. */
export const nodeAt = (
  path: string,
  { at, numbers, folder: list, files = {} }: { at: string; numbers: string; folder: string; files?: Values },
): HostTree => {
  const name = path.split('/').at(-1) as string
  const [major = 0, minor = 0] = numbers.split(':')
  return {
    ...folder(path, { MAJOR: major, MINOR: minor, DEVNAME: at }, { dev: numbers, ...files }),
    [`${list}/${name}`]: `→ ${relative(list, path)}`,
    [`dev/${at}`]: '',
  }
}

export type Adapter = {
  readonly vendor: string
  readonly product: string
  readonly serial?: string
  readonly manufacturer?: string
  readonly productName?: string
  readonly deviceClass?: string
  /** bus and device number */
  readonly number?: readonly [number, number]
}

/** @param path ends with the place where it is plugged in, as usb1/1-1/1-1.2 */
export const usbAdapter = (path: string, adapter: Adapter): HostTree => {
  const [bus, device] = adapter.number ?? [1, 2]
  const at = `bus/usb/${String(bus).padStart(3, '0')}/${String(device).padStart(3, '0')}`
  const minor = (bus - 1) * 128 + device - 1
  return {
    ...nodeAt(path, { at, numbers: `189:${minor}`, folder: 'sys/bus/usb/devices' }),
    ...folder(
      path,
      { MAJOR: 189, MINOR: minor, DEVNAME: at, DEVTYPE: 'usb_device', DRIVER: 'usb' },
      {
        idVendor: adapter.vendor,
        idProduct: adapter.product,
        serial: adapter.serial,
        manufacturer: adapter.manufacturer,
        product: adapter.productName,
        bDeviceClass: adapter.deviceClass ?? '00',
      },
    ),
  }
}

export type UsbSerialPort = {
  readonly name: string
  readonly driver: string
  readonly number?: number
  readonly major?: number
  readonly minor: number
}

/** One port of a USB-serial adapter, as usb-serial drivers have it. */
export const usbSerialPort = (
  adapterPath: string,
  { name, driver, number = 0, major = 188, minor }: UsbSerialPort,
): HostTree => {
  const usbInterface = `${adapterPath}/${adapterPath.split('/').at(-1)}:1.${number}`
  return {
    ...folder(usbInterface, { DEVTYPE: 'usb_interface', DRIVER: driver }, { bInterfaceNumber: `0${number}` }),
    ...folder(`${usbInterface}/${name}`, { DRIVER: driver }),
    ...nodeAt(`${usbInterface}/${name}/tty/${name}`, {
      at: name,
      numbers: `${major}:${minor}`,
      folder: 'sys/class/tty',
    }),
  }
}

/** A UART on the board; type 0 is one that is not there. */
export const uart = (parent: string, name: string, numbers: string, type: number): HostTree =>
  nodeAt(`${parent}/tty/${name}`, { at: name, numbers, folder: 'sys/class/tty', files: { type } })

export const networkInterface = (path: string, type: number, address?: string, devtype?: string): HostTree => {
  const name = path.split('/').at(-1) as string
  return {
    ...folder(path, { INTERFACE: name, ...(devtype === undefined ? {} : { DEVTYPE: devtype }) }, { type, address }),
    [`sys/class/net/${name}`]: `→ ${relative('sys/class/net', path)}`,
  }
}

/** Nodes get the group of whoever runs the tests. */
export const ownGroup = (name: string): HostTree => ({ 'etc/group': `${name}:x:${process.getgid?.() ?? 0}:\n` })

/** A graphics card: what is shown on, and what is computed on. */
export const drmNode = (device: string, name: string): HostTree => {
  const minor = Number(/\d+$/.exec(name)?.[0])
  return nodeAt(`${device}/drm/${name}`, { at: `dri/${name}`, numbers: `226:${minor}`, folder: 'sys/class/drm' })
}

export const diskAt = (device: string, name: string, sectors: number, model?: string): HostTree => ({
  ...folder(`${device}/block/${name}`, { DEVNAME: name, DEVTYPE: 'disk' }, { size: sectors }),
  [`sys/block/${name}`]: `→ ${relative('sys/block', `${device}/block/${name}`)}`,
  [`${device}/block/${name}/device`]: '→ ../..',
  ...filesOf(device, { model }),
})
