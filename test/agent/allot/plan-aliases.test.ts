import { expect, test } from 'vitest'
import type { Allotment, NodeDevice } from '../../../agent/allot/allot.ts'
import { awayNode, heldByAliases, planAliases } from '../../../agent/allot/plan-aliases.ts'
import type { DeviceSelector } from '../../../src/compose/model-device-selectors.ts'
import { adapter, wish } from '../../support/hardware.ts'

const allotment = (given: (NodeDevice | undefined)[], more: Partial<DeviceSelector> = {}): Allotment => ({
  wish: wish('a', more),
  given,
})

const id = wish('a').id
const port = { major: 188, minor: 0 }
const [one, two] = [adapter('ttyUSB0'), adapter('ttyUSB1')]

const planned = (
  allotments: Allotment[],
  standing: Record<string, typeof port> = {},
  expected: Record<string, number> = {},
) => {
  const { set, remove } = planAliases(allotments, new Map(Object.entries(standing)), new Map(Object.entries(expected)))
  return [
    ...set.map(({ name, major, minor }) => `${name} ${major}:${minor}`),
    ...remove.map((name) => `${name} removed`),
  ]
}

test('what is given stands, and is not made again', () => {
  expect(planned([allotment([one])])).toEqual([`${id}-0 188:0`])
  expect(planned([allotment([one])], { [`${id}-0`]: port })).toEqual([])
  expect(planned([allotment([two])], { [`${id}-0`]: port })).toEqual([`${id}-0 188:1`])
})

test('what is away leads nowhere, so that the container can be started', () => {
  expect(planned([allotment([])], { [`${id}-0`]: port })).toEqual([`${id}-0 188:1048575`])
  expect(planned([allotment([])], { [`${id}-0`]: awayNode(port) })).toEqual([])
  expect(planned([allotment([undefined, two])], { [`${id}-0`]: port, [`${id}-1`]: { major: 188, minor: 1 } })).toEqual([
    `${id}-0 188:1048575`,
  ])
})

test('after a reboot, what a container will be started with stands, away or not', () => {
  expect(planned([allotment([])], {}, { [`${id}-0`]: 188 })).toEqual([`${id}-0 188:1048575`])
  expect(planned([allotment([one])], {}, { [`${id}-0`]: 188 })).toEqual([`${id}-0 188:0`])
  expect(planned([], {}, { [`${id}-0`]: 188 })).toEqual([])
})

test('what nobody asks for goes', () => {
  expect(planned([], { [`${id}-0`]: port, strange: port })).toEqual([`${id}-0 removed`, 'strange removed'])
})

test('terminals and devices that are named by their path need none', () => {
  const terminal = adapter('pts/5', { class: 'pty', node: '/dev/pts/5', major: 136, minor: 5 })
  const plain = { ...allotment([one]), wish: { ...wish('a'), isPlain: true } }
  expect(planned([allotment([terminal]), plain])).toEqual([])
})

test('who had what is read from them', () => {
  const standing = new Map([
    [`${id}-0`, awayNode(port)],
    [`${id}-2`, { major: 188, minor: 7 }],
    ['strange', port],
  ])
  expect(heldByAliases(standing)).toEqual(new Map([[id, [undefined, undefined, '188:7']]]))
})
