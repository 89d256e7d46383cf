import { expect, test } from 'vitest'
import { noHardware } from '../../agent/devices/follow-hardware.ts'
import { createInventory } from '../../agent/inventory.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { allFeatures } from '../support/hardware.ts'

const open = ({ isSlow = false } = {}) => {
  const sent: Inventory[] = []
  const forms: (readonly Inventory[])[] = []
  const answers: (() => void)[] = []
  const device = { capabilities: ['plan'], isConnected: true, session: 1, hardware: noHardware }
  const inventory = createInventory({
    engine: {
      facts: () =>
        isSlow
          ? new Promise((_, reject) => answers.push(() => reject(new Error('away'))))
          : Promise.reject(new Error('away')),
    },
    hostFacts: async () => ({
      hostname: 'gw-1',
      os: { name: 'Test', version: '1', kernel: '1' },
      arch: 'x64',
      cpuCount: 2,
      memoryBytes: 1,
    }),
    hardware: async () => device.hardware,
    features: () => allFeatures,
    labels: () => ({}),
    agent: { version: '1.0', startedAt: 1, namePrefix: '' },
    timeZone: () => 'UTC',
    recipient: undefined,
    faults: () => [],
    capabilities: () => device.capabilities,
    policy: () => ({ source: 'default', files: [] }),
    publish: async (messages) => {
      if (!device.isConnected) throw new LongshoreError('link-down', 'no connection')
      forms.push(messages)
      if (messages[0]) sent.push(messages[0])
    },
    session: () => device.session++,
    nowMs: () => 1_000 * device.session,
  })
  return { inventory, device, sent, forms, answers }
}

test('what the broker has acknowledged is not sent again, whatever the session; what changed is', async () => {
  const { inventory, device, sent } = open()
  await inventory.publishChanged()
  await inventory.publishChanged()
  expect(sent).toHaveLength(1)
  device.capabilities = ['plan', 'logs']
  await inventory.publishChanged()
  await inventory.publishChanged()
  expect(sent.map(({ capabilities }) => capabilities)).toEqual([['plan'], ['plan', 'logs']])
})

test('what the broker did not take is sent again', async () => {
  const { inventory, device, sent } = open()
  device.isConnected = false
  await expect(inventory.publishChanged()).rejects.toThrow('no connection')
  device.isConnected = true
  await inventory.publishChanged()
  expect(sent).toHaveLength(1)
})

test('a broker that may have lost it has it again unchanged', async () => {
  const { inventory, sent } = open()
  await inventory.publish()
  await inventory.publish()
  expect(sent).toHaveLength(2)
})

test('hardware that came is told, and so are its names for engines', async () => {
  const { inventory, device, sent } = open()
  await inventory.publishChanged()
  const devices = [{ class: 'serial', name: 'ttyUSB0' }]
  device.hardware = { ...noHardware, devices, cdi: ['nvidia.com/gpu=0'] }
  await inventory.publishChanged()
  expect(sent.map((message) => [message.devices, message.cdi])).toEqual([
    [[], undefined],
    [devices, ['nvidia.com/gpu=0']],
  ])
})

test('what was read last is retained last, however long an engine took to answer before', async () => {
  const { inventory, device, sent, answers } = open({ isSlow: true })
  const first = inventory.publishChanged()
  device.capabilities = ['plan', 'logs']
  const second = inventory.publishChanged()
  for (const _ of [first, second]) {
    await new Promise((resolve) => setImmediate(resolve))
    answers.pop()?.()
  }
  await Promise.all([first, second])
  expect(sent.at(-1)?.capabilities).toEqual(['plan', 'logs'])
})

test('a broker that takes only short messages has all but the hardware', async () => {
  const { inventory, device, forms } = open()
  device.hardware = { ...noHardware, devices: [{ class: 'serial', name: 'ttyUSB0' }] }
  await inventory.publish()
  expect(forms[0]?.map(({ hostname, devices }) => [hostname, devices?.length])).toEqual([
    ['gw-1', 1],
    ['gw-1', undefined],
  ])
})
