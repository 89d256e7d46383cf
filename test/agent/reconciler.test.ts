/** The loop on a simulated engine: what it tells, and what it must not decide. Convergence has a test of its own. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Call } from '../../agent/engine/simulated.ts'
import type { Service } from '../../src/compose/model.ts'
import { app, serviceModel } from '../support/builders.ts'
import { type SimulatedDevice, simulatedDevice } from '../support/simulated-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const quick = { deploy: { update_config: { monitor: '0s' } } }
const web = (changes: Partial<Service> = {}) => serviceModel({ web: { ...quick, ...changes } })

const open = async (beforeCall: (call: Call, device: SimulatedDevice) => void = () => undefined) => {
  const device: SimulatedDevice = simulatedDevice({ beforeCall: (call) => beforeCall(call, device) })
  device.engine.controls.addImage('web:1', 'sha256:web1')
  await device.settle()
  const pass = async (ms: number): Promise<void> => {
    vi.advanceTimersByTime(ms)
    await device.settle()
  }
  return { device, controls: device.engine.controls, pass, report: () => device.reported.get(app) }
}

test('a deployment runs and is reported as running', async () => {
  const { device, controls, report } = await open()
  await device.deploy(web())
  await device.settle()
  expect(controls.container('shop-web-1').state).toBe('running')
  expect(report()).toMatchObject({
    generation: 1,
    phase: 'running',
    outcome: 'succeeded',
    running: { generation: 1 },
    lastGood: { generation: 1 },
    services: { web: { state: 'running', restarts: 0, imageId: 'sha256:web1' } },
  })
})

test('the digest of an image is reported, and asked for once', async () => {
  const { device, controls, report } = await open()
  controls.addToRegistry('web:2', 'sha256:web2')
  await device.deploy(web({ image: 'web:2' }))
  await device.settle()
  expect(report()?.services.web).toMatchObject({ imageId: 'sha256:web2', imageDigest: 'sha256:web2' })
  const asked = () => controls.calls.filter(({ kind }) => kind === 'image').length
  const before = asked()
  device.look()
  await device.settle()
  expect(asked()).toBe(before)
})

test('an image for another machine is waited for, and nothing of it is made', async () => {
  const { device, controls, report, pass } = await open()
  controls.addImage('web:2', 'sha256:arm', [], 'linux/arm64')
  await device.deploy(web({ image: 'web:2' }))
  await device.settle()
  expect(report()).toMatchObject({
    phase: 'waiting',
    waitingFor: [{ code: 'wrong-platform', message: expect.stringMatching(/web:2 is for linux\/arm64.*unknown/) }],
  })
  expect(controls.containers()).toEqual([])
  controls.addToRegistry('web:2', 'sha256:amd')
  await pass(1_000)
  expect(report()).toMatchObject({ phase: 'running', services: { web: { imageId: 'sha256:amd' } } })
})

test('a plan that was made for an older deployment decides nothing about a newer one', async () => {
  let isNewerDue = false
  const { device, report } = await open(({ kind }, current) => {
    // The look that would find everything steady: meanwhile a newer deployment comes in.
    const isSteady = current.engine.controls.containers().some(({ state }) => state === 'running')
    if (!isNewerDue || kind !== 'list' || !isSteady) return
    isNewerDue = false
    void current.deploy(web({ image: 'web:9', pull_policy: 'never' }))
  })
  isNewerDue = true
  await device.deploy(web())
  await device.settle()
  expect(device.store.app(app)).toMatchObject({ accepted: { deployment: { generation: 2 } } })
  expect(device.store.app(app)?.accepted?.verdict).toBeUndefined()
  expect(device.store.app(app)?.lastGood).toBeUndefined()
  expect(report()).toMatchObject({ generation: 2, phase: 'waiting', waitingFor: [{ code: 'image-missing' }] })
})

test('an engine that does not answer is said, and the app goes on when it is back', async () => {
  const { device, controls, report, pass } = await open()
  controls.goAway()
  await device.deploy(web())
  await device.settle()
  expect(report()).toMatchObject({ phase: 'waiting', waitingFor: [{ code: 'engine-unreachable' }], running: null })
  expect(report()).not.toHaveProperty('outcome')
  controls.comeBack()
  await pass(2_000)
  expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
})

test('an app that ran is in doubt while the engine does not answer, not failed', async () => {
  const { device, controls, report } = await open()
  await device.deploy(web())
  await device.settle()
  controls.goAway()
  device.look()
  await device.settle()
  expect(report()).toMatchObject({ phase: 'degraded', outcome: 'succeeded', reason: { code: 'engine-unreachable' } })
})

test('a name that somebody else has is waited for, and taken at once when it is free', async () => {
  const { device, controls, report } = await open()
  controls.addForeignContainer('shop-web-1', { isRunning: true })
  await device.deploy(web())
  await device.settle()
  expect(report()).toMatchObject({ phase: 'waiting', waitingFor: [{ code: 'name-in-use' }] })
  expect(controls.containers()).toHaveLength(1)
  controls.removeContainer('shop-web-1')
  await device.settle()
  expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
})

test('a hung pull holds no other app back', async () => {
  const { device, controls, report } = await open()
  controls.holdPulls()
  await device.deploy(web({ image: 'web:2' }))
  await device.deploy({ ...web(), name: 'till' })
  await device.settle()
  expect(report()).toMatchObject({ phase: 'pulling' })
  expect(device.reported.get('till')).toMatchObject({ phase: 'running' })
})

test('a removal leaves nothing, and says so', async () => {
  const { device, controls, report } = await open()
  await device.deploy(web())
  await device.settle()
  await device.remove(app, false)
  await device.settle()
  expect(report()).toMatchObject({ phase: 'removed', outcome: 'succeeded', running: null, services: {} })
  expect([controls.containers(), controls.networkNames()]).toEqual([[], []])
  expect(device.store.app(app)?.lastGood).toBeUndefined()
})

test('a service that becomes a job is made anew as one', async () => {
  const { device, controls, report } = await open()
  await device.deploy(serviceModel({ step: quick, web: quick }))
  await device.settle()
  await device.deploy(
    serviceModel({
      step: quick,
      web: { ...quick, depends_on: { step: { condition: 'service_completed_successfully' } } },
    }),
  )
  await device.settle()
  controls.exitContainer('shop-step-1', 0)
  await device.settle()
  expect(controls.container('shop-step-1')).toMatchObject({ state: 'exited', restartPolicy: 'no' })
  expect(report()).toMatchObject({ phase: 'running', services: { step: { state: 'completed' } } })
})

test('a crash loop after the commit is degraded, with its restarts', async () => {
  const { device, controls, report } = await open()
  await device.deploy(web())
  await device.settle()
  controls.exitContainer('shop-web-1', 1)
  controls.setState('shop-web-1', 'restarting')
  device.look()
  await device.settle()
  expect(report()).toMatchObject({
    phase: 'degraded',
    outcome: 'succeeded',
    reason: { code: 'crash-loop' },
    services: { web: { state: 'restarting', restarts: 1 } },
  })
})
