/** Machines as their sysfs describes them, and what is found on each. */
import { chmod, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { discover, readHardware } from '../../../agent/devices/read-devices.ts'
import { type HostDevice, hostDeviceSchema } from '../../../src/protocol/host-device.ts'
import { amd } from '../../fixtures/hosts/amd.ts'
import { factoryGateway } from '../../fixtures/hosts/factory-gateway.ts'
import { jetsonOrin } from '../../fixtures/hosts/jetson-orin.ts'
import { nothing } from '../../fixtures/hosts/nothing.ts'
import { nucCoral } from '../../fixtures/hosts/nuc-coral.ts'
import { raspberryPi4 } from '../../fixtures/hosts/raspberry-pi-4.ts'
import { sixtyFourPorts } from '../../fixtures/hosts/sixty-four-ports.ts'
import { twoNvidia, uuids } from '../../fixtures/hosts/two-nvidia.ts'
import { drmNode, folder, growHost, makeHost, nodeAt, pciCard, usbAdapter } from '../../support/host-tree.ts'

/** One line a device: what a person would look at first. */
const lineOf = ({ class: ofClass, name, node, major, minor, driver, model, usb, pci }: HostDevice): string =>
  [
    ofClass,
    name,
    node ?? '-',
    major === undefined ? '-' : `${major}:${minor}`,
    driver ?? '-',
    ...(usb === undefined ? [] : [`usb=${[usb.vendor, usb.product, usb.serialNumber, usb.interface].join(':')}`]),
    ...(pci === undefined ? [] : [`pci=${pci}`]),
    ...(model === undefined ? [] : [model]),
  ].join(' ')

const linesOf = (devices: readonly HostDevice[]): string[] => devices.map(lineOf)

test('a Raspberry Pi 4 with two FTDI adapters, one of them without a serial number', async () => {
  const devices = await discover(await makeHost(raspberryPi4))
  expect(linesOf(devices)).toEqual([
    'serial ttyAMA0 /dev/ttyAMA0 204:64 uart-pl011',
    'serial ttyUSB0 /dev/ttyUSB0 188:0 ftdi_sio usb=0403:6001:A50285BI:00',
    'serial ttyUSB1 /dev/ttyUSB1 188:1 ftdi_sio usb=0403:6001::00',
    'gpu renderD128 /dev/dri/renderD128 226:128 v3d',
    'video video10 /dev/video10 81:0 bcm2835-codec bcm2835-codec-decode',
    'i2c i2c-1 /dev/i2c-1 89:1 i2c-bcm2835 bcm2835 (i2c@7e804000)',
    'spi spidev0.0 /dev/spidev0.0 153:0 spidev',
    'gpio gpiochip0 /dev/gpiochip0 254:0 pinctrl-bcm2835',
  ])
  const [, one, other, gpu] = devices
  expect(one).toMatchObject({
    gid: process.getgid?.(),
    group: 'dialout',
    byId: ['/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0'],
    byPath: ['/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0-port0'],
    usb: { manufacturer: 'FTDI', productName: 'FT232R USB UART' },
  })
  expect(one).not.toHaveProperty('links')
  // The rule of the machine, and nothing that leads out of /dev.
  expect(other?.links).toEqual(['/dev/ttyScale'])
  expect(gpu?.gpu).toEqual({ vendor: 'v3d', nodes: ['/dev/dri/card1', '/dev/dri/renderD128'] })
})

test('a factory gateway: the ports that have a UART, and CAN, which has no node', async () => {
  const { devices, networkInterfaces, disks } = await readHardware(await makeHost(factoryGateway))
  expect(linesOf(devices)).toEqual([
    'serial ttyS0 /dev/ttyS0 4:64 serial',
    'serial ttyS1 /dev/ttyS1 4:65 serial',
    ...[4, 5, 6, 7, 8, 9].map(
      (number) => `serial ttyS${number} /dev/ttyS${number} 4:${64 + number} serial pci=1415:c308`,
    ),
    'can can0 - - peak_pci pci=001c:0010',
    'can can1 - - peak_pci pci=001c:0010',
    'tpm tpm0 /dev/tpm0 10:224 tpm_crb',
    'tpm tpmrm0 /dev/tpmrm0 253:65536 tpm_crb',
    'watchdog watchdog0 /dev/watchdog0 248:0 iTCO_wdt iTCO_wdt',
  ])
  expect(networkInterfaces).toEqual([
    { name: 'can0', kind: 'can' },
    { name: 'can1', kind: 'can' },
    { name: 'enp0s31f6', kind: 'ethernet', mac: '00:30:18:0a:1b:2c' },
  ])
  expect(disks).toEqual([{ name: 'sda', sizeBytes: 64_023_257_088, model: 'TS64GMTS400' }])
})

test('a Jetson: one GPU, with the nodes that it needs and the release of its software', async () => {
  const devices = await discover(await makeHost(jetsonOrin))
  expect(linesOf(devices)).toEqual([
    'serial ttyTHS0 /dev/ttyTHS0 238:0 serial-tegra',
    'gpu igpu0 /dev/nvhost-gpu - nvgpu NVIDIA Jetson AGX Orin Developer Kit',
    'can can0 - - mttcan',
  ])
  expect(devices[1]?.gpu).toEqual({
    vendor: 'nvidia-jetson',
    driverVersion: '35.4.1',
    nodes: ['/dev/nvhost-ctrl-gpu', '/dev/nvhost-gpu', '/dev/nvmap', '/dev/dri/card0', '/dev/dri/renderD128'],
  })
})

test('two NVIDIA GPUs: once each, with what nvidia-smi told of the one it told of; and the names of CDI', async () => {
  const asked: (string | undefined)[] = []
  const nvidia = (identity: string | undefined) => {
    asked.push(identity)
    const told = { uuid: uuids[1], memoryBytes: 25_769_803_776, computeCapability: '8.6' }
    return { gpus: [told], cudaVersion: '12.2' }
  }
  const { devices, cdi } = await readHardware(await makeHost(twoNvidia), { nvidia })
  expect(linesOf(devices)).toEqual([
    'gpu nvidia0 /dev/nvidia0 195:0 nvidia pci=10de:2204 NVIDIA GeForce RTX 3090',
    'gpu nvidia1 /dev/nvidia1 195:1 nvidia pci=10de:2204 NVIDIA GeForce RTX 3090',
  ])
  expect(asked).toEqual(['0000:01:00.0 0000:41:00.0 535.183.01'])
  const shared = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools']
  expect(devices.map(({ gpu }) => gpu)).toEqual([
    {
      vendor: 'nvidia',
      uuid: uuids[0],
      driverVersion: '535.183.01',
      cudaVersion: '12.2',
      nodes: ['/dev/nvidia0', ...shared, '/dev/dri/card1', '/dev/dri/renderD128'],
    },
    {
      vendor: 'nvidia',
      uuid: uuids[1],
      memoryBytes: 25_769_803_776,
      driverVersion: '535.183.01',
      cudaVersion: '12.2',
      computeCapability: '8.6',
      nodes: ['/dev/nvidia1', ...shared, '/dev/dri/card2', '/dev/dri/renderD129'],
    },
  ])
  expect(cdi).toEqual(['nvidia.com/gpu=0', 'nvidia.com/gpu=1', 'nvidia.com/gpu=all', 'vendor.example/nic=eth2'])
})

test('an AMD GPU, with what KFD adds', async () => {
  const [gpu, ...others] = await discover(await makeHost(amd))
  expect(others).toEqual([])
  expect(gpu).toMatchObject({
    class: 'gpu',
    name: 'renderD128',
    node: '/dev/dri/renderD128',
    byPath: ['/dev/dri/by-path/pci-0000:08:00.0-render'],
    driver: 'amdgpu',
    pci: '1002:66a1',
    model: 'Vega 20 [Radeon Pro VII/Radeon Instinct MI50 32GB]',
    group: 'render',
    gpu: {
      vendor: 'amd',
      uuid: 'GPU-c8ac04e1721f4c0d',
      memoryBytes: 34_342_961_152,
      nodes: ['/dev/dri/card0', '/dev/dri/renderD128', '/dev/kfd'],
    },
  })
})

test('a NUC: accelerators on PCI and USB, camera, scanner and sound; of USB only what is nothing else is listed by itself', async () => {
  const devices = await discover(await makeHost(nucCoral))
  expect(linesOf(devices)).toEqual([
    'gpu renderD128 /dev/dri/renderD128 226:128 i915 pci=8086:a7a0',
    'npu 1-2 /dev/bus/usb/001/005 189:4 - usb=1a6e:089a:: Google Coral Edge TPU',
    'npu accel0 /dev/accel/accel0 261:0 intel_vpu pci=8086:7d1d Intel NPU',
    'npu apex_0 /dev/apex_0 120:0 apex pci=1ac1:089a Google Coral Edge TPU',
    'video video0 /dev/video0 81:0 uvcvideo usb=046d:0825:5F2B8C60:00 HD Webcam',
    'sound card0 /dev/snd/controlC0 116:2 snd_hda_intel pci=8086:51ca PCH',
    'input event5 /dev/input/event5 13:69 hid-generic usb=0c2e:0901::00 Barcode Scanner',
    'hid hidraw0 /dev/hidraw0 242:0 hid-generic usb=0c2e:0901::00',
    'usb 1-5 /dev/bus/usb/001/008 189:7 - usb=1fc9:0089:LIC-1:',
  ])
  expect(devices[5]?.nodes).toEqual(['/dev/snd/controlC0', '/dev/snd/pcmC0D0p'])
})

test('a machine that shows nothing', async () => {
  expect(await readHardware(await makeHost(nothing))).toEqual({
    devices: [],
    cdi: [],
    networkInterfaces: [],
    disks: [],
  })
})

test('64 ports, each told from the others, in an order that does not change', async () => {
  const host = await makeHost(sixtyFourPorts)
  const devices = await discover(host)
  expect(devices.map(({ name }) => name)).toEqual(Array.from({ length: 64 }, (_, port) => `ttyUSB${port}`))
  expect(new Set(devices.map(({ usb }) => `${usb?.serialNumber} ${usb?.interface}`)).size).toBe(64)
  expect(new Set(devices.flatMap(({ byPath }) => byPath)).size).toBe(64)
  expect(await discover(host)).toEqual(devices)
})

test('what is found has the form that the protocol gives it', async () => {
  for (const tree of [raspberryPi4, factoryGateway, jetsonOrin, twoNvidia, amd, nucCoral, sixtyFourPorts])
    for (const device of await discover(await makeHost(tree))) expect(hostDeviceSchema.parse(device)).toEqual(device)
})

test('a virtual port that somebody named under /dev is found', async () => {
  const host = await makeHost({ 'dev/pts/300': '', 'dev/ttyVIRT0': '→ /dev/pts/300', 'dev/ttyGone': '→ /dev/pts/9' })
  expect(await discover(host)).toEqual([
    expect.objectContaining({ class: 'pty', name: 'ttyVIRT0', node: '/dev/pts/300', major: 137, minor: 44 }),
  ])
})

const adapter = 'sys/devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/1-1.2'

test('a node that is not there is not named; the device is listed, since the kernel knows it', async () => {
  const host = await makeHost(raspberryPi4)
  await rm(join(host.dev, 'ttyUSB0'))
  const device = (await discover(host)).find(({ name }) => name === 'ttyUSB0')
  expect(device).not.toHaveProperty('node')
  expect(device).toMatchObject({ major: 188, minor: 0, usb: { serialNumber: 'A50285BI' } })
})

test('files that vanished, that are no text, or that never end break nothing', async () => {
  const host = await makeHost(raspberryPi4)
  const file = (name: string) => join(host.folder, adapter, name)
  await rm(file('idVendor'))
  const others = (await discover(host)).map(({ name }) => name)
  expect(others).toContain('ttyUSB0')
  expect((await discover(host)).find(({ name }) => name === 'ttyUSB0')).not.toHaveProperty('usb')

  await writeFile(file('idVendor'), '0403\n')
  await writeFile(file('manufacturer'), Buffer.from([0x46, 0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x32, 0x4a]))
  await rm(file('product'))
  await symlink('/dev/zero', file('product'))
  await rm(file('serial'))
  await symlink('/dev/urandom', file('serial'))
  const { usb } = (await discover(host)).find(({ name }) => name === 'ttyUSB0') ?? {}
  expect(usb).toMatchObject({ vendor: '0403', manufacturer: 'F\ufffd\ufffd  [2J' })
  expect(usb).not.toHaveProperty('productName')
  expect(usb?.serialNumber?.length ?? 0).toBeLessThanOrEqual(200)

  await rm(join(host.folder, adapter), { recursive: true })
  const names = (await discover(host)).map(({ name }) => name)
  expect(names).toContain('ttyUSB1')
  expect(names).not.toContain('ttyUSB0')
})

test('a folder in the place of a file, a loop of links, and a folder that may not be read break nothing', async () => {
  const host = await makeHost(raspberryPi4)
  await growHost(host.folder, {
    'sys/class/tty/ttyLOOP': '→ ttyLOOP',
    'dev/serial/by-id/loop': '→ loop',
    'sys/class/hidraw/hidraw0': 'no link',
    'etc/cdi/folder.json/x': '',
  })
  const uart = join(host.folder, 'sys/class/tty/ttyAMA0/uevent')
  await writeFile(uart, 'MAJOR=4\nMINOR=64\nDEVNAME=../etc/group\n')
  expect((await discover(host)).find(({ name }) => name === 'ttyAMA0')).not.toHaveProperty('node')
  await writeFile(uart, 'MAJOR=99999999999999999999\nMINOR=64\nDEVNAME=ttyAMA0\n')
  expect((await discover(host)).find(({ name }) => name === 'ttyAMA0')).not.toHaveProperty('major')
  await chmod(join(host.folder, 'dev/serial/by-path'), 0)
  const names = (await discover(host)).map(({ name }) => name)
  expect(names).toContain('ttyUSB0')
  expect(names).not.toContain('ttyLOOP')
  expect(names).not.toContain('hidraw0')
})

test('Hailo, Rockchip, an ACM port and a rendering virtual GPU', async () => {
  const hailo = 'sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0'
  const npu = 'sys/devices/platform/fdab0000.npu'
  const virtio = 'sys/devices/pci0000:00/0000:00:01.0'
  const board = 'sys/devices/pci0000:00/0000:00:14.0/usb1/1-1'
  const host = await makeHost({
    ...pciCard(hailo, 'hailo', '1e60:2864'),
    ...nodeAt(`${hailo}/hailo_chardev/hailo0`, { at: 'hailo0', numbers: '511:0', folder: 'sys/class/hailo_chardev' }),
    ...folder(npu, { DRIVER: 'RKNPU', OF_FULLNAME: '/npu@fdab0000' }),
    ...drmNode(npu, 'card1'),
    ...drmNode(npu, 'renderD129'),
    ...pciCard(virtio, 'virtio-pci', '1af4:1050'),
    ...folder(`${virtio}/virtio0`, { DRIVER: 'virtio_gpu' }),
    ...drmNode(`${virtio}/virtio0`, 'card0'),
    ...drmNode(`${virtio}/virtio0`, 'renderD128'),
    ...usbAdapter(board, { vendor: '2341', product: '0043', serial: '5573' }),
    ...folder(`${board}/1-1:1.0`, { DEVTYPE: 'usb_interface', DRIVER: 'cdc_acm' }, { bInterfaceNumber: '00' }),
    ...nodeAt(`${board}/1-1:1.0/tty/ttyACM0`, { at: 'ttyACM0', numbers: '166:0', folder: 'sys/class/tty' }),
  })
  const devices = await discover(host)
  expect(linesOf(devices)).toEqual([
    'serial ttyACM0 /dev/ttyACM0 166:0 cdc_acm usb=2341:0043:5573:00',
    'gpu renderD128 /dev/dri/renderD128 226:128 virtio_gpu pci=1af4:1050',
    'npu hailo0 /dev/hailo0 511:0 hailo pci=1e60:2864 Hailo-8',
    'npu renderD129 /dev/dri/renderD129 226:129 RKNPU Rockchip NPU',
  ])
  expect(devices[1]?.gpu?.vendor).toBe('virtio_gpu')
})

test('whatever stands in the files, what is found has the form of the protocol', async () => {
  const tree = { ...nucCoral, ...twoNvidia }
  const harm = fc.record({
    path: fc.constantFrom(...Object.keys(tree)),
    content: fc.oneof(
      fc.constant(undefined),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '→ .',
        '→ /dev/zero',
        '→ ../../../../../etc/passwd',
        '99999999999999999999\n',
        'DEVNAME=../../x\nMAJOR=1\nMINOR=1\n',
        'DEVNAME=x\nMAJOR=99999999999999999999\nMINOR=1\n',
      ),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(harm, { minLength: 1, maxLength: 20 }), async (harms) => {
      const harmed: Record<string, string> = { ...tree }
      for (const { path, content } of harms)
        if (content === undefined) delete harmed[path]
        else harmed[path] = content
      const { devices } = await readHardware(await makeHost(harmed))
      for (const device of devices) {
        expect(hostDeviceSchema.parse(device)).toEqual(device)
        expect(device.node ?? '/dev/').toMatch(/^\/dev\/(?!.*\.\.)/)
      }
      const keys = devices.map(({ class: ofClass, name }) => `${ofClass} ${name}`)
      expect(new Set(keys).size).toBe(keys.length)
    }),
    { numRuns: 10 },
  )
})
