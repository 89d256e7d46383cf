/** What `longshore devices --device` prints of the hardware of described machines. */
import { expect, test } from 'vitest'
import { discover } from '../../agent/devices/read-devices.ts'
import { hardwareText } from '../../src/cli/describe-hardware.ts'
import { hardwareCompose } from '../../src/cli/hardware-compose.ts'
import { hardwareMatch } from '../../src/cli/hardware-match.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import { modelOf } from '../compose/support.ts'
import { amd } from '../fixtures/hosts/amd.ts'
import { factoryGateway } from '../fixtures/hosts/factory-gateway.ts'
import { nucCoral } from '../fixtures/hosts/nuc-coral.ts'
import { raspberryPi4 } from '../fixtures/hosts/raspberry-pi-4.ts'
import { sixtyFourPorts } from '../fixtures/hosts/sixty-four-ports.ts'
import { twoNvidia } from '../fixtures/hosts/two-nvidia.ts'
import { makeHost } from '../support/host-tree.ts'

const port = (name: string, usb: HostDevice['usb'], more: Partial<HostDevice> = {}): HostDevice => ({
  class: 'serial',
  name,
  node: `/dev/${name}`,
  ...(usb === undefined ? {} : { usb }),
  ...more,
})

const ftdi = { vendor: '0403', product: '6001' }
const socket = (name: string) => ({ byPath: [`/dev/serial/by-path/${name}`] })

test.each([
  [
    'its serial number',
    [port('a', { ...ftdi, serialNumber: 'A5' }), port('b', { ...ftdi, serialNumber: 'B6' })],
    { usb: '0403:6001', serialNumber: 'A5' },
  ],
  [
    'its socket, where it has none',
    [port('a', ftdi, socket('1')), port('b', ftdi, socket('2'))],
    { usb: '0403:6001', byPath: '/dev/serial/by-path/1' },
  ],
  [
    'its interface, of an adapter with several ports',
    [
      port('a', { ...ftdi, serialNumber: 'A5', interface: '00' }),
      port('b', { ...ftdi, serialNumber: 'A5', interface: '01' }),
    ],
    { usb: '0403:6001', serialNumber: 'A5', interface: '00' },
  ],
  [
    'its class, where an adapter is two things',
    [port('a', { ...ftdi, serialNumber: 'A5' }), port('b', { ...ftdi, serialNumber: 'A5' }, { class: 'input' })],
    { class: 'serial', usb: '0403:6001', serialNumber: 'A5' },
  ],
  [
    'its socket, where two have one serial number',
    [port('a', { ...ftdi, serialNumber: '1' }, socket('1')), port('b', { ...ftdi, serialNumber: '1' }, socket('2'))],
    { byPath: '/dev/serial/by-path/1' },
  ],
  [
    'its node, where nothing else is known',
    [port('ttyS0', undefined), port('ttyS1', undefined)],
    { path: '/dev/ttyS0' },
  ],
])('a device is told from the others by %s', (_name, all, expected) => {
  expect(hardwareMatch(all[0] as HostDevice, all)).toEqual(expected)
})

test('what has no node cannot be asked for', () => {
  expect(hardwareMatch({ class: 'can', name: 'can0' }, [])).toBeUndefined()
})

test('the lines to paste, for a Raspberry Pi', async () => {
  const devices = (await discover(await makeHost(raspberryPi4))).filter(({ class: ofClass }) => ofClass === 'serial')
  expect(hardwareCompose(devices)).toBe(
    [
      '    x-longshore:',
      '      devices:',
      '        # serial',
      '        - match: { path: /dev/ttyAMA0 }',
      '          target: /dev/ttyAMA0',
      '        # serial: FT232R USB UART',
      '        - match: { usb: "0403:6001", serialNumber: A50285BI }',
      '          target: /dev/ttyUSB0',
      '        # serial: USB Serial, which has no serial number: known by its socket',
      '        - match: { usb: "0403:6001", byPath: /dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0 }',
      '          target: /dev/ttyScale',
    ].join('\n'),
  )
})

test.each([
  ['a Raspberry Pi', raspberryPi4, 8],
  ['a gateway', factoryGateway, 11],
  ['an AMD workstation', amd, 1],
  ['a NUC', nucCoral, 8],
  ['64 ports', sixtyFourPorts, 64],
])('what is printed of %s is taken as it stands', async (_name, tree, count) => {
  const lines = hardwareCompose(await discover(await makeHost(tree)))
  const model = modelOf(`services:\n  web:\n    image: nginx\n${lines}\n`)
  expect(model.services.web?.['x-longshore']?.devices).toHaveLength(count)
})

test('GPUs that Compose has a word for are left to it', async () => {
  expect(hardwareCompose(await discover(await makeHost(twoNvidia)))).toBeUndefined()
})

test('what adapters say of themselves is text, in YAML and on the terminal', () => {
  const evil = port('a', {
    ...ftdi,
    serialNumber: '${HOME} # }: "0x1\u001b[2J',
    productName: 'x\n        - match: { path: /dev/mem }\u202e',
  })
  const text = `services:\n  web:\n    image: nginx\n${hardwareCompose([evil])}\n`
  expect(modelOf(text).services.web?.['x-longshore']?.devices).toEqual([
    { match: { usb: '0403:6001', serialNumber: evil.usb?.serialNumber }, target: '/dev/a' },
  ])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(hardwareText({ ...inventory, devices: [evil] })).not.toMatch(/[\u001b\u202e]/)
})

test('digits that only look like a number stay as they are', () => {
  const devices = [port('a', { ...ftdi, serialNumber: '00012345', interface: '00' })]
  const lines = hardwareCompose(devices)
  expect(modelOf(`services:\n  web:\n    image: nginx\n${lines}\n`).services.web?.['x-longshore']?.devices).toEqual([
    { match: { usb: '0403:6001', serialNumber: '00012345' }, target: '/dev/a' },
  ])
})

const inventory: Inventory = {
  schema: 1,
  at: 0,
  session: 1,
  hostname: 'gw-1',
  os: { name: 'Test', version: '1', kernel: '1' },
  arch: 'x64',
  cpuCount: 2,
  memoryBytes: 1,
  engine: null,
  agent: { version: '1', startedAt: 0, namePrefix: '' },
  capabilities: [],
}

test('the table says what a person needs to write a selector, and what cannot be done', () => {
  const usb = { ...ftdi, serialNumber: 'A50285BI', manufacturer: 'FTDI', productName: 'FT232R USB UART' }
  const usedBy = [{ app: 'line3', service: 'scanner' }]
  const gpu = { vendor: 'nvidia', memoryBytes: 25_769_803_776, driverVersion: '535.183.01', cudaVersion: '12.2' }
  const devices: HostDevice[] = [
    port('ttyUSB0', usb, { driver: 'ftdi_sio', usedBy }),
    { class: 'gpu', name: 'nvidia0', node: '/dev/nvidia0', model: 'NVIDIA GeForce RTX 3090', driver: 'nvidia', gpu },
    { class: 'can', name: 'can0', driver: 'peak_pci', pci: '001c:0010' },
  ]
  const features = { liveAttach: { available: false, reason: 'the engine runs rootless' }, other: { available: true } }
  const lines = hardwareText({ ...inventory, devices, features, cdi: ['nvidia.com/gpu=0', 'nvidia.com/gpu=all'] })
  expect(lines.split('\n').map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
    'CLASS | NODE | WHAT | DRIVER | USED BY | MATCH',
    'serial | /dev/ttyUSB0 | FTDI FT232R USB UART | ftdi_sio | line3/scanner | { usb: "0403:6001", serialNumber: A50285BI }',
    'gpu | /dev/nvidia0 | NVIDIA GeForce RTX 3090, 24.0 GiB, driver 535.183.01, CUDA 12.2 | nvidia | - | -',
    'can | can0 | PCI 001c:0010 | peak_pci | - | -',
    'cdi: nvidia.com/gpu=0, nvidia.com/gpu=all',
    'not possible here: liveAttach (the engine runs rootless)',
  ])
})
