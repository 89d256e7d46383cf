/** What the planner makes of hardware: waits, restarts, containers made anew, and what is held against nobody. */
import { expect, test } from 'vitest'
import { allot, type NodeDevice } from '../../agent/allot/allot.ts'
import type { AllottedHardware } from '../../agent/allot/allotted-hardware.ts'
import { containerDevices } from '../../agent/allot/container-devices.ts'
import { wishesOf } from '../../agent/allot/wish.ts'
import type { ObservedContainer } from '../../agent/reconcile/observed.ts'
import type { PlanInput } from '../../agent/reconcile/plan-contract.ts'
import type { AcceptedAssignment } from '../../agent/store/app-record.ts'
import { label } from '../../agent/translate/engine-names.ts'
import type { Service } from '../../src/compose/model.ts'
import type { DeviceSelector } from '../../src/compose/model-device-selectors.ts'
import {
  afterTurn,
  app,
  assignment,
  committed,
  container,
  observing,
  planInput,
  planned,
  serviceModel,
  texts,
  turns,
  underWay,
  waits,
} from '../support/builders.ts'
import { adapter, selector } from '../support/hardware.ts'

const port = adapter('ttyUSB0')

const asking = (more: Partial<DeviceSelector> = {}, service: Partial<Service> = {}, generation = 1) =>
  assignment(serviceModel({ web: { 'x-longshore': { devices: [selector(more)] }, ...service } }), generation)

const hardwareFor = ({ compose }: AcceptedAssignment, devices: readonly NodeDevice[]): AllottedHardware => ({
  allotments: allot({
    ...{ wishes: wishesOf(app, compose), devices, held: new Map() },
    ...{ refusal: () => undefined, followRefusal: () => undefined },
  }),
  ...{ nodes: new Map(), aliasFolder: '/dev/longshore/gw', canAttach: true },
})

/** A container as it is made with these devices. */
const madeWith = (
  deployment: AcceptedAssignment,
  devices: readonly NodeDevice[],
  changes: Parameters<typeof container>[2] = {},
): ObservedContainer => {
  const hardware = hardwareFor(deployment, devices)
  const one = container(deployment, 'web', changes)
  const service = deployment.compose.services.web as Service
  const made = containerDevices({ ...hardware, service, allotments: [...hardware.allotments.values()] })
  return { ...one, labels: { ...one.labels, ...(made && { [label.devices]: made.label }) } }
}

const seen = (deployment: AcceptedAssignment, containers: ObservedContainer[], devices: readonly NodeDevice[]) => ({
  ...observing(deployment.compose, containers),
  hardware: hardwareFor(deployment, devices),
})

const away = 'device-missing: service web waits for a device with USB 0403:6001: none is plugged in'

test('an update waits for its device while the release before runs on, and goes on by itself', () => {
  const before = assignment(serviceModel({ web: {} }))
  const after = asking({}, {}, 2)
  const old = container(before, 'web')
  const input = planInput(underWay(after, before), seen(after, [old], []))
  expect(texts(planned(input))).toEqual([])
  expect(waits(planned(input))).toEqual([away])
  const plugged = turns({ ...input, observed: seen(after, [old], [port]) }).flat()
  expect(plugged).toEqual([
    'create-container shop-web-1.next',
    'stop-container shop-web-1',
    'start-container shop-web-1.next',
    'remove-container shop-web-1',
    'rename-container shop-web-1.next to shop-web-1',
  ])
})

test('a device that is pulled before the start, for longer than the deadline, fails nothing', () => {
  const deployment = asking()
  const made = madeWith(deployment, [port], { state: 'created' })
  let input: PlanInput = planInput(underWay(deployment), seen(deployment, [made], []))
  for (const laterMs of [3_600_000, 3_600_000, 1_000]) {
    const result = planned(input)
    expect([waits(result), result.verdict, result.phase]).toEqual([[away], undefined, 'waiting'])
    input = afterTurn(input, result, laterMs)
  }
  expect(texts(planned({ ...input, observed: seen(deployment, [made], [port]) }))).toEqual([
    'start-container shop-web-1',
  ])
})

test('a service that ends again and again while its device is away is not given up, and proves itself when it is back', () => {
  const deployment = asking({}, {}, 2)
  const before = assignment(serviceModel({ web: {} }))
  const at = (restarts: number, state: 'running' | 'restarting', devices: NodeDevice[]) =>
    seen(deployment, [madeWith(deployment, [port], { restarts, state })], devices)
  let input = planInput(underWay(deployment, before), at(0, 'running', [port]))
  for (const observed of [at(5, 'restarting', []), at(9, 'restarting', []), at(12, 'running', [port])]) {
    input = { ...afterTurn(input, planned(input), 1_000), observed }
    const { verdict, rollback } = planned(input)
    expect({ verdict, rollback }).toEqual({ verdict: undefined, rollback: undefined })
  }
  const proved = planned({ ...afterTurn(input, planned(input), 3_600_000), observed: at(12, 'running', [port]) })
  expect(proved.verdict).toMatchObject({ outcome: 'succeeded' })
})

test('a service that is to be stopped does not wait for its device', () => {
  const deployment = asking()
  const record = { ...underWay(deployment), stopped: { web: { at: 1, by: 'somebody' } } }
  const result = planned(planInput(record, seen(deployment, [], [])))
  expect([texts(result), waits(result), result.verdict?.outcome]).toEqual([[], [], 'succeeded'])
})

test('a container that was made before its device was shared, or not required, stays', () => {
  const before = asking()
  const after = asking({ exclusive: false, required: false }, {}, 2)
  expect(turns(planInput(underWay(after, before), seen(after, [madeWith(before, [port])], [port])))).toEqual([])
})

test('a job that is done is not run again for other devices', () => {
  const job = asking({ required: false, onReplug: 'restart' }, { restart: 'no', deploy: { mode: 'replicated-job' } })
  const ended = madeWith(job, [], { state: 'exited' })
  const input = planInput(underWay(job), seen(job, [ended], []))
  const done = afterTurn(input, planned(input), 3_600_000)
  const operations = turns({ ...done, observed: seen(job, [ended], [port]) }).flat()
  expect(operations.filter((text) => /create|start/.test(text))).toEqual([])
})

test('what is restarted for its device is restarted once, and another one in its place makes nothing anew', () => {
  const deployment = asking({ onReplug: 'restart' })
  const made = madeWith(deployment, [port])
  const stands = (key: string) => new Map([[made.id, { startedAt: 1, nodes: { '/dev/ttyPLC': key } }]])
  const at = (key: string) => ({
    ...seen(deployment, [made], [adapter('ttyUSB3')]),
    hardware: { ...hardwareFor(deployment, [adapter('ttyUSB3')]), nodes: stands(key) },
  })
  expect(texts(planned(planInput(committed(deployment), at('188:0'))))).toEqual(['restart-container shop-web-1'])
  expect(texts(planned(planInput(committed(deployment), at('188:3'))))).toEqual([])
})
