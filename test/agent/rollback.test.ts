/** An update that fails goes back to the last good release: the whole agent on a simulated engine, under fake timers. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Service } from '../../src/compose/model.ts'
import { app, serviceModel } from '../support/builders.ts'
import { openDevice } from '../support/open-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const one = serviceModel({ web: { environment: { A: '1' } }, db: {} })
const two = serviceModel({ web: { environment: { A: '2' } }, db: {} })
const three = serviceModel({ web: { environment: { A: '3' } }, db: {} })

const withUpdate = (config: NonNullable<Service['deploy']>['update_config'], a = '2') =>
  serviceModel({ web: { environment: { A: a }, deploy: { update_config: config } }, db: {} })

const open = async () => {
  const device = await openDevice()
  return { ...device, good: (model = one) => device.good(model) }
}

describe('a release that ends while it is watched', () => {
  test('is rolled back to the one before, by itself, and says why with its last words', async () => {
    const { controls, pass, deploy, report, record, variable, names, id, good } = await open()
    await good()
    const db = id('shop-db-1')
    await deploy(two)
    expect(report()).toMatchObject({ generation: 2, phase: 'verifying', running: { generation: 2 } })
    controls.container('shop-web-1').lines = ['first', 'panic: no such table']
    controls.exitContainer('shop-web-1', 3)
    await pass(0)
    expect(report()).toMatchObject({ generation: 2, phase: 'rolling-back', lastGood: { generation: 1 } })
    await pass(10_000)
    expect(report()).toMatchObject({
      generation: 2,
      phase: 'running',
      outcome: 'rolled-back',
      reason: { code: 'exited', path: 'services.web' },
      running: { generation: 1 },
      lastGood: { generation: 1 },
    })
    expect(variable()).toBe('1')
    expect(id('shop-db-1')).toBe(db)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
    expect(record()?.history).toMatchObject([
      { generation: 2, outcome: 'rolled-back', log: ['first', 'panic: no such table'] },
      { generation: 1, outcome: 'succeeded' },
    ])
    expect(controls.container('shop-web-1').spec.labels['io.longshore.cause']).toMatch(/goes back to release/)
  })

  test('can be followed by any other release at once', async () => {
    const { controls, pass, deploy, report, variable, good } = await open()
    await good()
    await deploy(two)
    controls.exitContainer('shop-web-1', 3)
    await pass(0)
    await deploy(three)
    await pass(10_000)
    expect(report()).toMatchObject({ generation: 3, phase: 'running', outcome: 'succeeded' })
    expect(variable()).toBe('3')
  })

  test('with failure_action pause stays as it is, and with continue goes on; neither goes back', async () => {
    for (const failure_action of ['pause', 'continue'] as const) {
      const { controls, pass, deploy, report, variable, good } = await open()
      await good()
      await deploy(withUpdate({ failure_action }))
      controls.exitContainer('shop-web-1', 3)
      await pass(60_000)
      expect(report()).toMatchObject({ generation: 2, outcome: 'failed', lastGood: { generation: 1 } })
      expect(variable()).toBe('2')
    }
  })

  test('within what it says to tolerate is watched again from there', async () => {
    const { controls, pass, deploy, report, good } = await open()
    await good()
    await deploy({ ...two, 'x-longshore': { update: { tolerateRestarts: 1 } } })
    await pass(8_000)
    controls.exitContainer('shop-web-1', 3)
    await pass(8_000)
    expect(report()).toMatchObject({ generation: 2, phase: 'verifying' })
    await pass(3_000)
    expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded' })
  })

  test('and was the first has nothing to go back to: it fails, and is started again', async () => {
    const { controls, pass, deploy, report } = await open()
    await deploy(serviceModel({ web: {} }))
    controls.exitContainer('shop-web-1', 3)
    await pass(1_000)
    expect(report()).toMatchObject({ phase: 'running', outcome: 'failed', reason: { code: 'exited' } })
  })
})

test('a release that never gets healthy is rolled back at its deadline', async () => {
  const { controls, pass, deploy, report, variable, good } = await open()
  await good()
  await deploy(
    serviceModel(
      { web: { environment: { A: '2' }, healthcheck: { test: ['CMD', 'false'] } }, db: {} },
      { 'x-longshore': { update: { deadline: '30s' } } },
    ),
  )
  controls.setHealth('shop-web-1', 'unhealthy')
  await pass(20_000)
  expect(report()).toMatchObject({ generation: 2, phase: 'verifying' })
  await pass(10_000)
  await pass(10_000)
  expect(report()).toMatchObject({ outcome: 'rolled-back', reason: { code: 'deadline-exceeded' } })
  expect(variable()).toBe('1')
})

test('a container that the engine refuses rolls back before anything that runs was touched', async () => {
  const { controls, pass, deploy, report, id, good } = await open()
  await good()
  const before = id('shop-web-1')
  controls.failNext('createContainer', 'engine-error', 99)
  await deploy(two)
  await pass(10_000)
  controls.forgetFaults()
  await pass(60_000)
  expect(report()).toMatchObject({ outcome: 'rolled-back', phase: 'running', running: { generation: 1 } })
  expect(id('shop-web-1')).toBe(before)
})

test('a rollback that fails stops there and says so, and the app can be replaced', async () => {
  const { controls, pass, deploy, report, variable, good } = await open()
  await good()
  await deploy(two)
  controls.exitContainer('shop-web-1', 3)
  await pass(0)
  expect(variable()).toBe('1')
  controls.exitContainer('shop-web-1', 4)
  await pass(0)
  expect(report()).toMatchObject({ outcome: 'rollback-failed', reason: { code: 'exited' } })
  expect(report()?.reason?.message).toMatch(/exit code 3.*going back failed too.*|restarted.*going back failed too/)
  await pass(120_000)
  expect(report()).toMatchObject({ generation: 2, outcome: 'rollback-failed' })
  await deploy(three)
  await pass(10_000)
  expect(report()).toMatchObject({ generation: 3, outcome: 'succeeded', phase: 'running' })
})

test('the images that the release before ran with are the ones it goes back to', async () => {
  const { controls, pass, deploy, device, good } = await open()
  await good()
  controls.addImage('web:1', 'sha256:moved')
  controls.addImage('old', 'sha256:web1')
  await deploy(serviceModel({ web: { environment: { A: '2' }, pull_policy: 'missing' }, db: {} }))
  expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:moved')
  controls.exitContainer('shop-web-1', 3)
  await pass(10_000)
  expect(device.reported.get(app)).toMatchObject({ outcome: 'rolled-back' })
  expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:web1')
})

test('a service that was broken before, and is not changed, holds no update of another back', async () => {
  const { controls, pass, deploy, report, variable, good } = await open()
  await good(serviceModel({ web: { environment: { A: '1' } }, db: { healthcheck: { test: ['CMD', 'x'] } } }))
  controls.setHealth('shop-db-1', 'healthy')
  await pass(10_000)
  expect(report()).toMatchObject({ outcome: 'succeeded' })
  controls.setHealth('shop-db-1', 'unhealthy')
  await pass(0)
  await deploy(serviceModel({ web: { environment: { A: '2' } }, db: { healthcheck: { test: ['CMD', 'x'] } } }))
  await pass(10_000)
  expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'degraded', reason: { code: 'unhealthy' } })
  expect(variable()).toBe('2')
})

test('the same release again, while it is broken, is no success', async () => {
  const { controls, pass, deploy, report, good } = await open()
  const model = serviceModel({ db: { healthcheck: { test: ['CMD', 'x'] } } })
  await good(model)
  controls.setHealth('shop-db-1', 'healthy')
  await pass(10_000)
  controls.setHealth('shop-db-1', 'unhealthy')
  await deploy(model)
  await pass(60_000)
  expect(report()?.outcome).toBeUndefined()
  await pass(240_000)
  expect(report()).toMatchObject({ generation: 2, outcome: 'failed', reason: { code: 'deadline-exceeded' } })
})

test('files of the release before come back with it', async () => {
  const { controls, device, pass, deploy, report, good } = await open()
  const model = serviceModel({ web: { volumes: [{ type: 'bind', source: './conf', target: '/conf' }] } })
  await good()
  await deploy(model, { 'conf/a': '1' })
  await pass(10_000)
  await deploy(model, { 'conf/a': '2' })
  expect(device.files.controls.read(app, 'conf/a')).toBe('2')
  controls.exitContainer('shop-web-1', 3)
  await pass(10_000)
  expect(report()).toMatchObject({ outcome: 'rolled-back', running: { generation: 2 } })
  expect(device.files.controls.read(app, 'conf/a')).toBe('1')
  await deploy(model, { 'conf/a': '2' })
  await pass(10_000)
  expect(report()).toMatchObject({ generation: 4, outcome: 'succeeded' })
  expect(device.files.controls.read(app, 'conf/a')).toBe('2')
})

test('an app that a new policy refuses runs on and is degraded; nothing of it is made anew', async () => {
  const { controls, device, pass, report, names, good } = await open()
  await good(serviceModel({ web: { privileged: false, cap_add: ['NET_ADMIN'] } }))
  device.setPolicy({ capabilities: [] })
  device.look()
  await pass(0)
  expect(report()).toMatchObject({ phase: 'degraded', reason: { code: 'policy-refused' } })
  expect(names()).toEqual(['shop-web-1 running'])
  controls.exitContainer('shop-web-1', 0)
  await pass(2_000)
  expect(names()).toEqual(['shop-web-1 running'])
  controls.removeContainer('shop-web-1')
  await pass(2_000)
  expect(names()).toEqual([])
  device.setPolicy({})
  device.look()
  await pass(2_000)
  expect(names()).toEqual(['shop-web-1 running'])
  expect(report()).toMatchObject({ phase: 'running' })
})
