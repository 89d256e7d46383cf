/** Real nodes that come and go under /dev, followed by inotify to what a real broker retains. Sysfs is described by the test. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { thisHost } from '../../agent/devices/host-root.ts'
import { openHardware } from '../../agent/devices/open-hardware.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { type Inventory, inventorySchema } from '../../src/protocol/inventory.ts'
import { newDeviceId, openFleet, silent, startTestAgent } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { buildCommand, runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { makeHost, usbAdapter, usbSerialPort } from '../support/host-tree.ts'

const run = promisify(execFile)

const set = async () => {
  const { url, stop } = await (brokers[0] as (typeof brokers)[number]).start()
  onTestFinished(stop)
  const device = newDeviceId()
  // Of a name and a minor that no other test uses, and no adapter has.
  const ports = [0, 1].map((index) => ({
    name: `ttyTest${device}-${index}`,
    minor: 200 + index,
    number: index,
  }))
  const host = await makeHost({
    ...usbAdapter('sys/devices/usb1/1-1', { vendor: '0403', product: '6001', serial: 'A50285BI' }),
    ...Object.assign(
      {},
      ...ports.map((port) => usbSerialPort('sys/devices/usb1/1-1', { ...port, driver: 'ftdi_sio' })),
    ),
  })
  const plug = ({ name, minor }: (typeof ports)[number]) => run('mknod', [`/dev/${name}`, 'c', '188', String(minor)])
  const unplug = ({ name }: (typeof ports)[number]) => rm(`/dev/${name}`, { force: true })
  onTestFinished(async () => {
    for (const port of ports) await unplug(port)
  })
  // No poll of the test helps it.
  const hardware = openHardware({ root: { ...host, dev: thisHost.dev }, pollMs: 3_600_000, log: silent })
  const fleet = await openFleet(url)
  const retained: { readonly atMs: number; readonly inventory: Inventory }[] = []
  await fleet.watch([fleet.topics.inventory(device)], ({ payload }) => {
    retained.push({ atMs: Date.now(), inventory: inventorySchema.parse(JSON.parse(payload.toString())) })
  })
  const events: { kind: string; hardware?: { name: string } }[] = []
  await fleet.watch([fleet.topics.event(device)], ({ payload }) => void events.push(JSON.parse(payload.toString())))
  await startTestAgent({ url, device, hardware })
  const newest = () => retained.at(-1)?.inventory.devices ?? []
  await eventually('the first inventory', () => newest().length === 2)
  return { url, device, ports, plug, unplug, retained, newest, events }
}

test('a port that is plugged in or unplugged is in the retained inventory within a second, and told as an event', async () => {
  const { ports, plug, unplug, retained, newest, events } = await set()
  const [port] = ports
  if (port === undefined) throw new Error('no port')
  const nodeOf = (devices: readonly HostDevice[]) => devices.find(({ name }) => name === port.name)?.node
  const follow = async (what: string, act: () => Promise<unknown>, isSo: () => boolean): Promise<number> => {
    const startMs = Date.now()
    await act()
    await eventually(what, isSo)
    return (retained.at(-1)?.atMs ?? Number.POSITIVE_INFINITY) - startMs
  }
  for (let round = 0; round < 3; round += 1) {
    const plugged = await follow(
      'the port',
      () => plug(port),
      () => nodeOf(newest()) === `/dev/${port.name}`,
    )
    const unplugged = await follow(
      'its end',
      () => unplug(port),
      () => nodeOf(newest()) === undefined,
    )
    expect(Math.max(plugged, unplugged)).toBeLessThan(1_000)
  }
  await eventually('the events', () => events.filter(({ hardware }) => hardware?.name === port.name).length >= 6)
  const kinds = events.filter(({ hardware }) => hardware?.name === port.name).map(({ kind }) => kind)
  expect(new Set(kinds)).toEqual(new Set(['device-plugged', 'device-unplugged']))
})

test('an operator sees the hardware, has the lines to paste, and is told what is not there', async () => {
  const { url, device, ports, plug, newest } = await set()
  const [port, other] = ports
  if (port === undefined || other === undefined) throw new Error('no ports')
  for (const one of [port, other]) await plug(one)
  await eventually('both ports', () => newest().every(({ node }) => node !== undefined))
  const built = await buildCommand()
  onTestFinished(built.remove)
  const run = (...parameters: string[]) =>
    runCommand(built.path, ['devices', ...parameters], { env: { LONGSHORE_BROKER: url } })

  const match = '{ usb: "0403:6001", serialNumber: A50285BI, interface: "01" }'
  const shown = await run('--device', device)
  expect(shown).toMatchObject({ exitCode: 0, stderr: '' })
  expect(shown.stdout).toMatch(new RegExp(`^serial +/dev/${other.name} .* ${match.replace(/[{}]/g, '\\$&')}$`, 'm'))
  const json = JSON.parse((await run('--device', device, '--json')).stdout)
  expect(json.devices[0].inventory.devices).toHaveLength(2)
  const lines = (await run('--device', device, '--compose')).stdout
  expect(lines).toContain(`        - match: ${match}\n          target: /dev/${other.name}\n`)
  expect((await run('--device', 'nobody')).exitCode).toBe(1)
  expect((await run('--compose')).exitCode).toBe(2)
})
