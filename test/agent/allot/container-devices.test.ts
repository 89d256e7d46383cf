import { describe, expect, test } from 'vitest'
import type { Allotment, NodeDevice } from '../../../agent/allot/allot.ts'
import {
  aliasesOf,
  containerDevices,
  fits,
  madeFor,
  nodesToKeep,
  staleTargets,
  wishesOfContainer,
} from '../../../agent/allot/container-devices.ts'
import type { Service } from '../../../src/compose/model.ts'
import type { DeviceSelector } from '../../../src/compose/model-device-selectors.ts'
import { adapter, wish } from '../../support/hardware.ts'

const allotment = (given: (NodeDevice | undefined)[], more: Partial<DeviceSelector> = {}): Allotment => ({
  wish: wish('a', more),
  given,
})

const made = (allotments: Allotment[], { canAttach = true, service = { image: 'x' } as Service } = {}) => {
  const devices = containerDevices({ service, allotments, aliasFolder: '/dev/longshore/gw', canAttach })
  if (devices === undefined) throw new Error('it asks for none')
  return devices
}

const labelOf = (...values: Parameters<typeof made>) => madeFor(made(...values).label)

const [one, two] = [adapter('ttyUSB0'), adapter('ttyUSB1')]
const modem = adapter('ttyACM0')
const terminal = adapter('pts/5', { class: 'pty', node: '/dev/pts/5', major: 136, minor: 5 })

describe('what the engine is asked for', () => {
  test('kept: an alias at the exact target, a rule for the major, and no right to make nodes', () => {
    const { devices, rules, groups, capDrop } = made([allotment([one])])
    expect({ devices, rules, groups, capDrop }).toEqual({
      devices: [
        {
          source: expect.stringMatching(/^\/dev\/longshore\/gw\/[0-9a-f]{16}-0$/),
          target: '/dev/ttyPLC',
          permissions: 'rw',
        },
      ],
      rules: ['c 188:* rw'],
      groups: ['20'],
      capDrop: ['MKNOD'],
    })
  })

  test('restarted: the exact device and no rule', () => {
    const { devices, rules, capDrop } = made([allotment([one], { onReplug: 'restart', permissions: 'r' })])
    expect(devices).toMatchObject([{ permissions: 'r' }])
    expect({ rules, capDrop }).toEqual({ rules: [], capDrop: [] })
  })

  test.each<[string, Partial<DeviceSelector>, Service, boolean, string]>([
    ['keep where the device can', {}, { image: 'x' }, true, 'keep'],
    ['restart where it cannot', {}, { image: 'x' }, false, 'restart'],
    ['restart of what is privileged', {}, { image: 'x', privileged: true }, true, 'restart'],
    ['restart in a folder', { target: '/dev/plc/a' }, { image: 'x' }, true, 'restart'],
    ['what is said', { onReplug: 'signal:HUP' }, { image: 'x' }, true, 'signal:HUP'],
  ])('%s', (_, more, service, canAttach, follow) => {
    expect(labelOf([allotment([one], more)], { service, canAttach })[0]?.follow).toBe(follow)
  })

  test('several have a target each', () => {
    const { devices } = made([allotment([one, two], { count: 'all', target: '/dev/s{n}' })])
    expect(devices.map(({ target }) => target)).toEqual(['/dev/s0', '/dev/s1'])
  })

  test('a pseudo-terminal is mounted', () => {
    const { devices, mounts, rules } = made([allotment([terminal])])
    expect({ devices, mounts, rules }).toMatchObject({
      devices: [],
      mounts: [{ type: 'bind', source: '/dev/pts/5', target: '/dev/ttyPLC', createHostPath: false }],
      rules: [],
    })
  })

  test('a service that asks for none has nothing', () => {
    expect(
      containerDevices({ service: { image: 'x' }, allotments: [], aliasFolder: '', canAttach: true }),
    ).toBeUndefined()
  })
})

describe('whether a container that is there will do', () => {
  test.each<[string, Allotment, Allotment, boolean]>([
    ['the same', allotment([one]), allotment([one]), true],
    ['away', allotment([one]), allotment([]), true],
    ['another of the same kind', allotment([one]), allotment([two]), true],
    ['another of another kind', allotment([one]), allotment([modem]), false],
    ['one that was not there when it was made', allotment([]), allotment([one]), false],
    ['more of the same kind', allotment([one], { count: 'all' }), allotment([one, two], { count: 'all' }), true],
    [
      'restarted: another kind',
      allotment([one], { onReplug: 'restart' }),
      allotment([modem], { onReplug: 'restart' }),
      true,
    ],
    [
      'restarted: more',
      allotment([one], { count: 'all', onReplug: 'restart' }),
      allotment([one, two], { count: 'all', onReplug: 'restart' }),
      false,
    ],
    ['the same terminal', allotment([terminal]), allotment([terminal]), true],
    ['another terminal', allotment([terminal]), allotment([{ ...terminal, node: '/dev/pts/6', minor: 6 }]), false],
    ['a port in place of a terminal', allotment([terminal]), allotment([one]), false],
    [
      'a port in place of a terminal, restarted',
      allotment([terminal], { onReplug: 'restart' }),
      allotment([one], { onReplug: 'restart' }),
      false,
    ],
  ])('%s', (_, before, now, does) => {
    expect(fits(labelOf([before]), [now])).toBe(does)
  })

  test.each<[string, Partial<DeviceSelector>, NodeDevice]>([
    ['kept', {}, two],
    ['restarted', { onReplug: 'restart' }, two],
    ['a terminal', {}, terminal],
  ])('%s: one that was made while the first of two was away is what was asked for', (_, more, device) => {
    const now = allotment([undefined, device], { count: 'all', target: '/dev/s{n}', ...more })
    expect(fits(labelOf([now]), [now])).toBe(true)
  })

  test('restarted: what was away when it was made is no part of it', () => {
    const more = { count: 'all', target: '/dev/s{n}', onReplug: 'restart' } as const
    expect(fits(labelOf([allotment([undefined, two], more)]), [allotment([one, two], more)])).toBe(false)
  })

  test('a label with a key of a later agent is understood', () => {
    const [label] = JSON.parse(made([allotment([one])]).label)
    expect(fits(madeFor(JSON.stringify([{ ...label, colour: 'red' }])), [allotment([two])])).toBe(true)
  })

  test('one made before it asked for the device, or with a label that nobody understands, will not', () => {
    for (const label of [undefined, '', 'x', '{}', '[{"target":1}]', '[1]'])
      expect(fits(madeFor(label), [allotment([one])])).toBe(false)
  })
})

describe('what is followed into a container that runs', () => {
  const targets = (before: Allotment, now: Allotment) =>
    nodesToKeep(labelOf([before]), [now]).map(({ target, device }) => `${target} ${device?.name ?? 'away'}`)

  test('each target, also of what is away', () => {
    expect(targets(allotment([one]), allotment([two]))).toEqual(['/dev/ttyPLC ttyUSB1'])
    expect(targets(allotment([one]), allotment([]))).toEqual(['/dev/ttyPLC away'])
    const all = { count: 'all' as const, target: '/dev/s{n}' }
    expect(targets(allotment([one], all), allotment([one, two], all))).toEqual(['/dev/s0 ttyUSB0', '/dev/s1 ttyUSB1'])
    expect(targets(allotment([one, two], all), allotment([undefined, two], all))).toEqual([
      '/dev/s0 away',
      '/dev/s1 ttyUSB1',
    ])
  })

  test('nothing that the rules of the container do not let through', () => {
    expect(targets(allotment([one]), allotment([modem]))).toEqual(['/dev/ttyPLC away'])
  })

  test('no terminal, and nothing of one that is restarted', () => {
    expect(targets(allotment([terminal]), allotment([terminal]))).toEqual([])
    expect(targets(allotment([one], { onReplug: 'restart' }), allotment([two], { onReplug: 'restart' }))).toEqual([])
  })
})

describe('what is restarted', () => {
  const restart = { onReplug: 'restart' } as const
  const stale = (before: Allotment, now: Allotment, nodes: Record<string, string> | undefined) =>
    staleTargets(labelOf([before]), [now], nodes)

  test('one that has another device than is allotted, once it is known what it has', () => {
    const now = allotment([two], restart)
    expect(stale(allotment([one], restart), now, { '/dev/ttyPLC': '188:0' })).toEqual(['/dev/ttyPLC'])
    expect(stale(allotment([one], restart), now, { '/dev/ttyPLC': '188:1' })).toEqual([])
    expect(stale(allotment([one], restart), now, undefined)).toEqual([])
    expect(stale(allotment([one], restart), allotment([], restart), { '/dev/ttyPLC': '188:0' })).toEqual([])
  })

  test('none that emptied its target itself: it would be restarted for ever', () => {
    expect(stale(allotment([one], restart), allotment([two], restart), {})).toEqual([])
  })

  test('a terminal that was made anew under its number, and never another one that is followed', () => {
    expect(stale(allotment([terminal]), allotment([terminal]), {})).toEqual(['/dev/ttyPLC'])
    expect(stale(allotment([terminal]), allotment([terminal]), { '/dev/ttyPLC': '136:5' })).toEqual([])
    expect(stale(allotment([one]), allotment([two]), { '/dev/ttyPLC': '188:0' })).toEqual([])
  })
})

test('what an engine looks up keeps its number though another was away', () => {
  const now = allotment([undefined, two], { count: 'all', target: '/dev/s{n}' })
  const { devices, label } = made([now])
  const names = devices.map(({ source }) => source.slice('/dev/longshore/gw/'.length))
  expect([...aliasesOf([now.wish], madeFor(label)).keys()]).toEqual(names)
})

test('a container tells the wishes that it was made for', () => {
  const allotments = [allotment([one]), allotment([two], { target: '/dev/b' })]
  const place = { app: 'a', service: 'web', number: 1 }
  expect(wishesOfContainer(place, labelOf(allotments), false)).toEqual(allotments.map(({ wish }) => wish))
})
