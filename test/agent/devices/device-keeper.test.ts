/** What is kept right whatever fails beside it. Nodes and containers are in memory; real ones are in the tests of e2e. */
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Allotment } from '../../../agent/allot/allot.ts'
import type { AliasNodes } from '../../../agent/devices/alias-nodes.ts'
import type { ContainerFollower, MadeContainer } from '../../../agent/devices/container-follower.ts'
import { createDeviceKeeper, type DeviceKeeperInput } from '../../../agent/devices/device-keeper.ts'
import type { NodeNumbers } from '../../../agent/devices/make-node.ts'
import type { AppRecord } from '../../../agent/store/app-record.ts'
import type { Service } from '../../../src/compose/model.ts'
import { LongshoreError } from '../../../src/protocol/reason.ts'
import { silent } from '../../support/agents.ts'
import { assignment, serviceModel, underWay } from '../../support/builders.ts'
import { adapter, selector, wish } from '../../support/hardware.ts'

const recordOf = (app: string, service: Partial<Service>): AppRecord => {
  const model = { ...serviceModel({ web: service }), name: app }
  return { ...underWay({ ...assignment(model), app }), app }
}

const asking = (app: string, serialNumber: string): AppRecord =>
  recordOf(app, { 'x-longshore': { devices: [selector({ match: { serialNumber } })] } })

const idOf = (app: string, serialNumber: string): string => wish(app, { match: { serialNumber } }).id

const ports = ['A1', 'B2'].map((serialNumber, index) =>
  adapter(`ttyUSB${index}`, { usb: { vendor: '0403', product: '6001', serialNumber } }),
)

const open = (more: Partial<DeviceKeeperInput> = {}) => {
  const standing = new Map<string, NodeNumbers>()
  const aliases: AliasNodes = {
    folder: '/dev/longshore/gw',
    read: async () => new Map(standing),
    set: async (name, { major, minor }) => {
      standing.set(name, { major, minor })
    },
    remove: async (name) => {
      standing.delete(name)
    },
  }
  const follower: ContainerFollower = { containers: async () => [], follow: async () => undefined }
  const keeper = createDeviceKeeper({
    devices: async () => ports,
    records: () => [],
    ...{ refusal: () => undefined, followRefusal: () => undefined, seesDevices: true, canAttach: () => true },
    ...{ aliases, follower, onChange: () => undefined, log: silent },
    ...more,
  })
  onTestFinished(keeper.stop)
  const missing = async (app: string): Promise<(string | undefined)[]> => {
    const { allotments } = (await keeper.hardware(app)) ?? { allotments: new Map<string, Allotment>() }
    return [...allotments.values()].filter(({ wish }) => wish.app === app).map(({ missing }) => missing?.message)
  }
  return { keeper, aliases, standing, missing }
}

test('a node that cannot be made is the trouble of its service, and of no other', async () => {
  const { aliases } = open()
  const broken = `${idOf('a', 'A1')}-0`
  const { missing } = open({
    records: () => [asking('a', 'A1'), asking('b', 'B2')],
    aliases: {
      ...aliases,
      set: async (name, node) => {
        if (name === broken) throw new LongshoreError('device-unfollowed', 'no space left')
        await aliases.set(name, node)
      },
    },
  })
  expect(await missing('a')).toEqual([`/dev/longshore/gw/${broken} cannot be made: no space left`])
  expect(await missing('b')).toEqual([undefined])
  expect([...(await aliases.read()).keys()]).toEqual([`${idOf('b', 'B2')}-0`])
})

test('while the engine does not answer, known containers are followed, and what they look up stays', async () => {
  const container: MadeContainer = {
    id: 'c1',
    wishes: [wish('gone')],
    made: [],
    running: { id: 'c1', pid: 1, startedAt: 1 },
  }
  const followed: string[] = []
  let isThere = true
  const { keeper, standing } = open({
    follower: {
      containers: async () => {
        if (!isThere) throw new LongshoreError('engine-unreachable', 'no answer')
        return [container]
      },
      follow: async ({ id }) => {
        followed.push(id)
        return undefined
      },
    },
  })
  await keeper.hardware('gone')
  keeper.look()
  await expect.poll(() => followed).toEqual(['c1'])
  isThere = false
  standing.set('ofSomebody-0', { major: 188, minor: 0 })
  keeper.look()
  await expect.poll(() => followed).toEqual(['c1', 'c1'])
  expect([...standing.keys()]).toContain('ofSomebody-0')
})

test('an engine that is frozen keeps no device from those that run', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const container: MadeContainer = { id: 'c1', wishes: [wish('a')], made: [] }
  const followed: string[] = []
  let isFrozen = false
  const { keeper } = open({
    follower: {
      containers: () => (isFrozen ? new Promise(() => undefined) : Promise.resolve([container])),
      follow: async ({ id }) => {
        followed.push(id)
        return undefined
      },
    },
  })
  keeper.look()
  await vi.advanceTimersByTimeAsync(1)
  isFrozen = true
  keeper.look()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(followed).toEqual(['c1', 'c1'])
})

test('an app that is accepted in the middle of a look hears of its hardware when that is known', async () => {
  const records = [asking('a', 'A1')]
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const { keeper, missing } = open({
    records: () => records,
    follower: {
      containers: async () => {
        await held
        return []
      },
      follow: async () => undefined,
    },
  })
  keeper.look()
  const asked = missing('a')
  letGo()
  expect(await asked).toEqual([undefined])
})

test('where the agent does not see the hardware, the engine alone has to do with a path', async () => {
  const records = [recordOf('a', { devices: [{ source: '/dev/absent', target: '/dev/x', permissions: 'rwm' }] })]
  expect(await open({ records: () => records }).missing('a')).toEqual([
    'service web waits for device /dev/absent: it is not there',
  ])
  expect(await open({ records: () => records, seesDevices: false }).missing('a')).toEqual([])
})
