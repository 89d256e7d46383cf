/**
 * The agent killed before and after every call and every write of every kind of update: a new one brings it to the same
 * end. Nothing runs twice, nothing is left over, no volume is lost, and what is said of a deployment is said once.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Model, Service } from '../../src/compose/model.ts'
import type { Outcome } from '../../src/protocol/reported.ts'
import { app, serviceModel } from '../support/builders.ts'
import { calm, expectNoDoubles, live } from '../support/convergence.ts'
import { type SimulatedDevice, simulatedDevice } from '../support/simulated-device.ts'

const fakeTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
beforeEach(fakeTimers)
afterEach(() => {
  vi.useRealTimers()
})

const monitor = { deploy: { update_config: { monitor: '2s' }, rollback_config: { monitor: '2s' } } }
const seamless = {
  labels: { overlap: 'yes' },
  healthcheck: { test: ['CMD', 'true'] },
  deploy: { update_config: { monitor: '2s', order: 'start-first' as const } },
}
const data = { volumes: [{ type: 'volume' as const, source: 'data', target: '/data' }] }
const bind = { volumes: [{ type: 'bind' as const, source: './conf', target: '/conf' }] }
const on = (other: string, condition: 'service_started' | 'service_completed_successfully' = 'service_started') => ({
  depends_on: { [other]: { condition } },
})

/** Two services, one on the other, with a volume and a network. */
const shop = (a: string, more: Partial<Service> = {}, rest: Partial<Model> = {}): Model =>
  serviceModel(
    { web: { ...monitor, ...on('db'), environment: { A: a }, ...more }, db: { ...monitor, ...data } },
    { volumes: { data: {} }, ...rest },
  )

type Scenario = {
  /** what runs and has proved itself before */
  readonly before?: Model
  /** what is done and may be cut off; then the device is driven to rest */
  readonly act: (device: SimulatedDevice) => Promise<unknown>
  readonly drive?: (device: SimulatedDevice) => void
  readonly outcome: Outcome
  /** the variable A of the container of `web` in the end; undefined: there is none */
  readonly ends: string | undefined
}

/** The new release ends whenever it runs, as a program that cannot work does. */
const breaking = (device: SimulatedDevice): void => {
  live(device)
  const { controls } = device.engine
  for (const { id, state, spec } of controls.containers())
    if (state === 'running' && spec.environment.A === '2') controls.exitContainer(id, 1)
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'first deployment': { act: (device) => device.deploy(shop('1')), outcome: 'succeeded', ends: '1' },
  'update, stop-first': {
    before: shop('1'),
    act: (device) => device.deploy(shop('2')),
    outcome: 'succeeded',
    ends: '2',
  },
  'update, start-first': {
    before: shop('1', seamless),
    act: (device) => device.deploy(shop('2', seamless)),
    outcome: 'succeeded',
    ends: '2',
  },
  'failing update, stop-first': {
    before: shop('1'),
    act: (device) => device.deploy(shop('2')),
    drive: breaking,
    outcome: 'rolled-back',
    ends: '1',
  },
  'failing update, start-first': {
    before: shop('1', seamless),
    act: (device) => device.deploy(shop('2', seamless)),
    drive: breaking,
    outcome: 'rolled-back',
    ends: '1',
  },
  'failing update with files': {
    before: shop('1', bind),
    act: (device) => device.deploy(shop('2', bind), { 'conf/a': '2' }),
    drive: breaking,
    outcome: 'rolled-back',
    ends: '1',
  },
  'update with a pull': {
    before: shop('1'),
    act: (device) => device.deploy(shop('2', { image: 'web:2' })),
    outcome: 'succeeded',
    ends: '2',
  },
  'update of a network': {
    before: shop('1'),
    act: (device) => device.deploy(shop('2', {}, { networks: { default: { internal: true } } })),
    outcome: 'succeeded',
    ends: '2',
  },
  'update that drops a service': {
    before: serviceModel({ web: { ...monitor, environment: { A: '1' } }, old: monitor }),
    act: (device) => device.deploy(shop('2')),
    outcome: 'succeeded',
    ends: '2',
  },
  'update with a job': {
    before: shop('1'),
    act: (device) =>
      device.deploy(
        serviceModel({
          web: { ...monitor, ...on('job', 'service_completed_successfully'), environment: { A: '2' } },
          job: { restart: 'no' },
        }),
      ),
    outcome: 'succeeded',
    ends: '2',
  },
  removal: { before: shop('1'), act: (device) => device.remove(app, false), outcome: 'succeeded', ends: undefined },
}

const open = async (before: Model | undefined): Promise<SimulatedDevice> => {
  vi.useRealTimers()
  fakeTimers()
  const containers = new Set<string>()
  const device = simulatedDevice({
    check: (engine) => {
      expectNoDoubles(engine)
      // A job that was started once is not started again, whatever its container was.
      for (const { id, spec, state } of engine.controls.containers())
        if (spec.labels['io.longshore.service'] === 'job' && state !== 'created') containers.add(id)
      expect(containers.size).toBeLessThanOrEqual(1)
    },
  })
  const { controls } = device.engine
  controls.addImage('web:1', 'sha256:web1')
  controls.addToRegistry('web:2', 'sha256:web2')
  if (before === undefined) return device
  expect(await device.deploy(before, { 'conf/a': '1' })).toBe('accepted')
  await calm(device)
  return device
}

const expectEnd = (device: SimulatedDevice, { outcome, ends, before }: Scenario): void => {
  const record = device.store.app(app)
  expect(record?.accepted?.verdict?.outcome).toBe(outcome)
  const generation = record?.accepted?.deployment.generation
  const said = device.reports.flatMap((report) =>
    report.generation === generation && report.outcome !== undefined ? [report.outcome] : [],
  )
  expect([...new Set(said)]).toEqual([outcome])
  const { controls } = device.engine
  expect(controls.containers().find(({ name }) => name === 'shop-web-1')?.spec.environment.A).toBe(ends)
  if (before?.volumes !== undefined || ends === '2') expect(controls.volumeNames()).toContain('shop_data')
  expect(controls.networkNames()).toEqual(ends === undefined ? [] : ['shop_default'])
  if (before?.services.web?.volumes !== undefined) expect(device.files.controls.read(app, 'conf/a')).toBe(ends)
}

/** How many calls there were, and whether the agent was killed at the one asked for. */
const runOnce = async (scenario: Scenario, cut?: { readonly calls: number; readonly isAfter: boolean }) => {
  const device = await open(scenario.before)
  const before = device.callCount()
  if (cut !== undefined) device.crash(cut.calls, cut.isAfter)
  await scenario.act(device)
  const isCut = () => cut !== undefined && (cut.calls === 0 || device.callCount() - before > cut.calls)
  const isOver = () => device.store.app(app)?.accepted?.verdict !== undefined
  for (let round = 0; round < 100 && !isCut() && !isOver(); round += 1) {
    await device.settle()
    ;(scenario.drive ?? live)(device)
    await device.settle()
    if (!isCut() && !isOver()) vi.advanceTimersToNextTimer()
  }
  const wasCut = isCut()
  await calm(device, scenario.drive)
  expectEnd(device, scenario)
  return { calls: device.callCount() - before, wasCut }
}

test.each(Object.entries(scenarios))(
  '%s',
  async (name, scenario) => {
    const { calls: count } = await runOnce(scenario)
    let cuts = 0
    for (let calls = 0; calls < count; calls += 1)
      for (const isAfter of [false, true])
        try {
          if ((await runOnce(scenario, { calls, isAfter })).wasCut) cuts += 1
        } catch (error) {
          throw new Error(`${name}, killed ${isAfter ? 'after' : 'before'} call ${calls}`, { cause: error })
        }
    // The last calls of all are looks at what is over by then.
    expect(cuts).toBeGreaterThan(count * 1.5)
  },
  180_000,
)
