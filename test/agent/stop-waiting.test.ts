/** `longshore stop` and `start` wait for nothing, whatever the newest deployment waits for. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { app, serviceModel } from '../support/builders.ts'
import { openDevice } from '../support/open-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const two = (a: string, image = 'web:1') =>
  serviceModel({ db: {}, web: { image, environment: { A: a }, depends_on: { db: { condition: 'service_started' } } } })

type Device = Awaited<ReturnType<typeof openDevice>>

const hold = async ({ device, deploy }: Device) => {
  await device.ask('hold', { app, by: 'ann' })
  await deploy(two('2'))
}

const secrets = [{ source: 'key', target: '/run/secrets/key' }]
const withSecret = serviceModel({ db: {}, web: { secrets } }, { secrets: { key: { external: true } } })

describe('a stop takes effect while', () => {
  test.each<[string, string, (open: Device) => Promise<unknown>]>([
    ['an update is held', 'held', hold],
    ['its image cannot be pulled', 'not-found', async ({ deploy }) => deploy(two('2', 'absent:1'))],
    ['a secret is missing', 'secret-missing', async ({ deploy }) => deploy(withSecret)],
    [
      'the policy has come to refuse it',
      'policy-refused',
      async ({ device }) => {
        device.setPolicy({ images: ['ghcr.io'] })
        device.look()
      },
    ],
  ])('%s, of one service and of all, and a start brings them back', async (_what, _code, begin) => {
    const open = await openDevice()
    const { device, good, names, pass } = open
    await good(two('1'))
    await begin(open)
    await pass(500)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
    await device.ask('stop', { app, service: 'web' })
    await pass(500)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 exited'])
    await device.ask('stop', { app })
    await pass(500)
    expect(names()).toEqual(['shop-db-1 exited', 'shop-web-1 exited'])
    await device.ask('start', { app })
    await pass(1_500)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
  })

  test('a removal is held', async () => {
    const { device, good, names, pass } = await openDevice()
    await good(two('1'))
    await device.ask('hold', { app, by: 'ann' })
    await device.remove(app, false)
    await device.ask('stop', { app })
    await pass(500)
    expect(names()).toEqual(['shop-db-1 exited', 'shop-web-1 exited'])
  })
})

test('a stopped app is not updated past a hold, and starts as it was', async () => {
  const open = await openDevice()
  const { device, good, report, pass, variable } = open
  await good(two('1'))
  await device.ask('stop', { app })
  await pass(500)
  await hold(open)
  await pass(11_000)
  expect(report()).toMatchObject({ phase: 'waiting', waitingFor: [{ code: 'held' }] })
  await device.ask('start', { app })
  await pass(1_000)
  expect(variable()).toBe('1')
  await device.ask('unhold', { app })
  await pass(1_000)
  expect(variable()).toBe('2')
})

test('what is stopped while it is watched has not proved itself, until it is started and watched again', async () => {
  const { device, controls, deploy, good, pass, report, record, variable } = await openDevice()
  await good(two('1'))
  await deploy(two('2'))
  await device.ask('stop', { app })
  await pass(400_000)
  expect(report()).toMatchObject({ generation: 2, waitingFor: [{ code: 'stopped' }] })
  expect(report()).not.toHaveProperty('outcome')
  expect(record()?.lastGood?.generation).toBe(1)
  await device.ask('start', { app })
  await pass(2_000)
  controls.exitContainer('shop-web-1', 3)
  await pass(11_000)
  expect(report()).toMatchObject({ outcome: 'rolled-back' })
  expect(variable()).toBe('1')
})

test('of an app that was removed there is nothing to stop, start or hold', async () => {
  const { device, good, pass, names } = await openDevice()
  await good(two('1'))
  await device.remove(app, false)
  await pass(1_000)
  for (const verb of ['stop', 'start', 'hold', 'unhold'] as const)
    expect(await device.ask(verb, { app })).toMatchObject({ outcome: 'refused', reason: { code: 'app-unknown' } })
  await good(two('1'))
  expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
})
