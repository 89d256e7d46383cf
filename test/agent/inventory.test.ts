import { expect, test } from 'vitest'
import { createInventory } from '../../agent/inventory.ts'
import type { Inventory } from '../../src/protocol/inventory.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

const open = () => {
  const sent: Inventory[] = []
  const device = { capabilities: ['plan'], isConnected: true, session: 1 }
  const inventory = createInventory({
    engine: { facts: () => Promise.reject(new Error('away')) },
    hostFacts: async () => ({
      hostname: 'gw-1',
      os: { name: 'Test', version: '1', kernel: '1' },
      arch: 'x64',
      cpuCount: 2,
      memoryBytes: 1,
    }),
    agent: { version: '1.0', startedAt: 1, namePrefix: '' },
    timeZone: () => 'UTC',
    recipient: undefined,
    faults: () => [],
    capabilities: () => device.capabilities,
    policy: () => ({ source: 'default', files: [] }),
    publish: async (message) => {
      if (!device.isConnected) throw new LongshoreError('link-down', 'no connection')
      sent.push(message)
    },
    session: () => device.session++,
    nowMs: () => 1_000 * device.session,
  })
  return { inventory, device, sent }
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
