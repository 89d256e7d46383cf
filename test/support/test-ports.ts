/**
 * USB-serial ports that the test plugs in and out: described in a sysfs of its own, with real nodes under /dev. They stand
 * for real drivers that are there without hardware: a virtual console, which shows what it is told, or a UART.
 */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { HardwareFollower } from '../../agent/devices/follow-hardware.ts'
import { type HostRoot, thisHost } from '../../agent/devices/host-root.ts'
import { openHardware } from '../../agent/devices/open-hardware.ts'
import { silent } from './agents.ts'
import { makeHost, usbAdapter, usbSerialPort } from './host-tree.ts'

const run = promisify(execFile)

export type TestPort = {
  /** of its adapter: ports of one number are one adapter under several names */
  readonly serial: string
  readonly major: number
  readonly minor: number
}

export type TestPorts = {
  readonly root: HostRoot
  /** A follower for one agent: the next agent on this machine needs another one. */
  readonly openHardware: () => HardwareFollower
  readonly nodeOf: (port: number) => string
  readonly plug: (port: number) => Promise<void>
  readonly unplug: (port: number) => Promise<void>
}

/** Nothing is plugged in at first. @param device a name that no other test uses */
export const makeTestPorts = async (device: string, ports: readonly TestPort[]): Promise<TestPorts> => {
  const serials = [...new Set(ports.map(({ serial }) => serial))]
  const adapterOf = (serial: string): string => `sys/devices/usb1/1-${serials.indexOf(serial) + 1}`
  const nameOf = (port: number): string => `ttyT-${device}-${port}`
  const nodeOf = (port: number): string => `/dev/${nameOf(port)}`
  const host = await makeHost(
    Object.assign(
      {},
      ...serials.map((serial, index) =>
        usbAdapter(adapterOf(serial), { vendor: '0403', product: '6001', serial, number: [1, index + 2] }),
      ),
      ...ports.map(({ serial, major, minor }, index) =>
        usbSerialPort(adapterOf(serial), { name: nameOf(index), driver: 'ftdi_sio', number: index, major, minor }),
      ),
    ),
  )
  const unplug = (port: number): Promise<void> => rm(nodeOf(port), { force: true })
  onTestFinished(async () => {
    for (const port of ports.keys()) await unplug(port)
  })
  const root = { ...host, dev: thisHost.dev }
  return {
    root,
    // No poll of the test helps it.
    openHardware: () => openHardware({ root, pollMs: 3_600_000, log: silent }),
    nodeOf,
    plug: async (port) => {
      const { major, minor } = ports[port] as TestPort
      await run('mknod', ['-m', '660', nodeOf(port), 'c', String(major), String(minor)])
    },
    unplug,
  }
}

/** What stands on a virtual console, as the driver of its memory tells it (vcs(4)). */
export const readConsole = async (minor: number): Promise<string> => {
  const node = `/dev/shm/longshore-vcs-${process.pid}-${minor}`
  await run('mknod', [node, 'c', '7', String(minor)]).catch(() => undefined)
  try {
    return (await readFile(node, 'latin1')).replace(/ +/g, ' ').trim()
  } finally {
    await rm(node, { force: true })
  }
}

/** As if somebody typed it there: TIOCSTI (ioctl_tty(2)). Node.js has no ioctl, and Perl is part of every Debian. */
export const typeOnConsole = async (node: string, text: string): Promise<void> => {
  const script =
    'open(my $port, "+<", shift) or die; for my $key (split //, shift) { my $one = $key; ioctl($port, 0x5412, $one) or die }'
  await run('perl', ['-e', script, node, text])
}
