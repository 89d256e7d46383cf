/** Windows and locks hold up updates: the whole agent on a simulated engine, under fake timers, in Europe/Berlin. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { planVerb } from '../../agent/commands/plan-verb.ts'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { createGateKeeper } from '../../agent/reconcile/gate-keeper.ts'
import { createObserver } from '../../agent/reconcile/observe.ts'
import type { Model } from '../../src/compose/model.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { app, owner, serviceModel } from '../support/builders.ts'
import { allFeatures } from '../support/hardware.ts'
import { simulatedDevice } from '../support/simulated-device.ts'
import { verbContext } from '../support/verb-context.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A Monday at noon in Berlin; the window opens 14 hours later. */
const monday = Date.UTC(2026, 10, 23, 11)
const nights = '0 2 * * * for 3h'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: monday })
})
afterEach(() => {
  vi.useRealTimers()
})

const model = (a: string, update: object = {}, lock = false): Model =>
  serviceModel(
    { web: { environment: { A: a }, ...(lock ? { 'x-longshore': { lock: true as const } } : {}) } },
    Object.keys(update).length === 0 ? {} : { 'x-longshore': { update } },
  )
const inWindow = (a: string) => model(a, { window: [nights] })
const locking = (a: string, update: object = {}) => model(a, update, true)

const open = async () => {
  const device = simulatedDevice()
  device.engine.controls.addImage('web:1', 'sha256:web1')
  await device.settle()
  const pass = async (ms: number, stepMs = 500) => {
    await device.settle()
    for (let passed = 0; passed < ms; passed += stepMs) {
      vi.advanceTimersByTime(Math.min(stepMs, ms - passed))
      await device.settle()
    }
  }
  const report = () => device.reported.get(app)
  const containers = () => device.engine.controls.containers()
  return {
    device,
    pass,
    report,
    containers,
    variable: () => containers().find(({ name }) => name === 'shop-web-1')?.spec.environment.A,
    /** The clock on the wall only. */
    jump: (ms: number) => void vi.setSystemTime(Date.now() + ms),
    lock: (text: string | null) =>
      device.files.controls.lock(app, text === null ? null : { mtimeMs: Date.now(), text }),
    deploy: async (...values: Parameters<typeof device.deploy>) => {
      expect(await device.deploy(...values)).toBe('accepted')
      await device.settle()
    },
    /** Deployed and proved. */
    runs: async (first: Model) => {
      expect(await device.deploy(first)).toBe('accepted')
      await pass(11_000)
      expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
    },
    waiting: () => (report()?.waitingFor ?? []).map(({ code, message }) => `${code}: ${message}`),
  }
}

describe('a window', () => {
  test('does not hold up the first deployment; an update waits for it, and goes on when it opens', async () => {
    const { deploy, pass, report, runs, variable, waiting } = await open()
    await runs(inWindow('1'))
    await deploy(inWindow('2'))
    expect(report()).toMatchObject({ generation: 2, phase: 'waiting', running: { generation: 1 } })
    expect(waiting()).toEqual([
      'window-closed: updates wait for the window 0 2 * * * for 3h, which opens at 2026-11-24 02:00 Europe/Berlin',
    ])
    await pass(14 * hourMs - 12_000, 60_000)
    expect(variable()).toBe('1')
    await pass(30_000)
    expect(variable()).toBe('2')
    expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded', phase: 'running' })
  })

  test('lets images be pulled while it is closed', async () => {
    const { device, deploy, pass, runs, waiting } = await open()
    await runs(inWindow('1'))
    device.engine.controls.addToRegistry('new:2', 'sha256:new2')
    await deploy(serviceModel({ web: { image: 'new:2' } }, { 'x-longshore': { update: { window: [nights] } } }))
    await pass(1_000)
    expect(await device.engine.image('new:2')).toMatchObject({ id: 'sha256:new2' })
    expect(waiting()).toEqual([expect.stringContaining('window-closed')])
  })

  test('that closes stops nothing halfway, neither an update nor its rollback', async () => {
    const { device, deploy, pass, report, runs, variable } = await open()
    await runs(inWindow('1'))
    await pass(17 * hourMs - 20_000, 60_000) // eight seconds before it closes
    await deploy(inWindow('2'))
    expect(variable()).toBe('2')
    await pass(9_000)
    device.engine.controls.exitContainer('shop-web-1', 3)
    await pass(11_000)
    expect(report()).toMatchObject({ outcome: 'rolled-back', running: { generation: 1 } })
    expect(variable()).toBe('1')
  })

  test('of the new release counts: one without a window takes effect at once', async () => {
    const { deploy, runs, variable } = await open()
    await runs(inWindow('1'))
    await deploy(model('2'))
    expect(variable()).toBe('2')
  })

  test('holds up neither a removal nor what was deployed with --now', async () => {
    const { device, containers, deploy, pass, runs, variable } = await open()
    await runs(inWindow('1'))
    await deploy(inWindow('2'), {}, { now: true })
    expect(variable()).toBe('2')
    await device.remove(app, false)
    await pass(1_000)
    expect(containers()).toEqual([])
  })

  test('is noticed within an hour of a clock that jumps into it, and a jump back keeps it shut', async () => {
    const { deploy, jump, pass, runs, variable, waiting } = await open()
    await runs(inWindow('1'))
    await deploy(inWindow('2'))
    jump(dayMs) // the same time of the next day
    await pass(hourMs, 60_000)
    expect(waiting()[0]).toContain('opens at 2026-11-25 02:00')
    jump(-2 * dayMs) // behind the deployment: no time that this clock tells is to be believed
    await pass(15 * hourMs, 60_000)
    expect(variable()).toBe('1')
    expect(waiting()[0]).toMatch(/the clock of the device is wrong: it is behind 2026-11-23T11:00/)
    jump(dayMs) // set: 04:00 of Tuesday in Berlin
    await pass(70_000, 1_000)
    expect(variable()).toBe('2')
  })

  test('opens all the same when the time of another deployment is one that no calendar has', async () => {
    const { device, deploy, pass, runs, waiting } = await open()
    await runs(inWindow('1'))
    const other = { ...model('1'), name: 'other' }
    expect(await device.deploy(other, {}, { issuedAt: Number.MAX_SAFE_INTEGER })).toBe('accepted')
    await deploy(inWindow('2'))
    await pass(1_000)
    expect(waiting()).toEqual([expect.stringMatching(/^window-closed: .* opens at 2026-11-24 02:00/)])
  })

  test('never opens by a clock that was not set', async () => {
    const { deploy, jump, pass, runs, variable, waiting } = await open()
    await runs(inWindow('1'))
    await deploy(inWindow('2'))
    jump(-monday)
    await pass(30 * hourMs, 60_000)
    expect(variable()).toBe('1')
    expect(waiting()).toEqual([expect.stringContaining('clock of the device is wrong')])
  })
})

describe('a lock', () => {
  test('finds its folder mounted before the container is made, and makes it anew when it is added', async () => {
    const { device, deploy, pass, report, runs, containers } = await open()
    await runs(model('1'))
    await deploy(locking('1'))
    await pass(11_000)
    expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded' })
    expect(containers()[0]?.spec.mounts).toEqual([
      { type: 'bind', source: '/projects/shop/lock', target: '/run/longshore', readOnly: false, createHostPath: false },
    ])
    expect(await device.files.observe(app, [])).toMatchObject({ hasLockFolder: true })
  })

  test('stands after a crash at any step, of a first deployment and of one that was locked', async () => {
    for (const isAfterEffect of [false, true])
      for (let calls = 0; calls < 12; calls += 1) {
        const { device, containers, deploy, lock, pass, report, variable } = await open()
        device.crash(calls + 1, isAfterEffect)
        await deploy(locking('1'))
        await pass(15_000)
        device.revive()
        await pass(15_000)
        expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
        lock('')
        await deploy(locking('2'))
        device.crash(0, false)
        device.revive()
        await pass(5_000)
        expect(report()).toMatchObject({ phase: 'waiting', waitingFor: [{ code: 'locked' }] })
        lock(null)
        device.crash(calls, isAfterEffect)
        await pass(15_000)
        device.revive()
        await pass(15_000)
        expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded' })
        expect(variable()).toBe('2')
        expect(containers()).toHaveLength(1)
        device.crash(0, false)
      }
  })

  test('holds an update up, says whose it is, and lets it go within seconds', async () => {
    const { deploy, lock, pass, report, runs, variable, waiting } = await open()
    await runs(locking('1'))
    lock(JSON.stringify({ owner: 'robot', reason: 'welding', until: (Date.now() + hourMs) / 1000 }))
    await deploy(locking('2'))
    await pass(60_000)
    expect(report()).toMatchObject({ generation: 2, phase: 'waiting' })
    expect(waiting()).toEqual(['locked: robot holds its lock, until 2026-11-23T12:00:11.000Z at the latest: welding'])
    lock(null)
    await pass(2_500)
    expect(variable()).toBe('2')
  })

  test('ends by itself, and may be taken anew', async () => {
    const { deploy, lock, pass, runs, variable } = await open()
    await runs(locking('1', { lockExpiry: '1h' }))
    lock('')
    await deploy(locking('2'))
    await pass(hourMs - 60_000, 10_000)
    lock('')
    await pass(hourMs - 10_000, 10_000)
    expect(variable()).toBe('1')
    await pass(30_000)
    expect(variable()).toBe('2')
  })

  test('outlasts a clock that jumps a day, back and forth', async () => {
    const { deploy, jump, lock, pass, runs, variable } = await open()
    await runs(locking('1', { lockExpiry: '2h' }))
    lock('')
    await deploy(locking('2'))
    for (const ms of [dayMs, -2 * dayMs, dayMs]) {
      jump(ms)
      await pass(hourMs / 2, 10_000)
      expect(variable()).toBe('1')
    }
    await pass(hourMs, 10_000)
    expect(variable()).toBe('2')
  })

  test('holds a removal up, and neither a stop nor what was deployed with --now', async () => {
    const { device, containers, deploy, lock, pass, report, runs, variable, waiting } = await open()
    await runs(locking('1'))
    lock('')
    await deploy(locking('2'), {}, { now: true })
    expect(variable()).toBe('2')
    await pass(11_000)
    await device.store.updateApp(app, (record) => ({ ...record, stopped: { '*': { at: 1, by: 'ann' } } }))
    device.look()
    await pass(1_000)
    expect(report()?.phase).toBe('stopped')
    await device.remove(app, false)
    await pass(5_000)
    expect(report()).toMatchObject({ phase: 'waiting' })
    expect(waiting()).toEqual([expect.stringMatching(/^locked: the app holds its lock/)])
    lock(null)
    await pass(3_000)
    expect(containers()).toEqual([])
    expect(await device.files.observe(app, [])).toMatchObject({ hasLockFolder: false })
  })

  test('taken in the middle of an update stops it no more, nor its rollback', async () => {
    const { device, deploy, lock, pass, report, runs, variable } = await open()
    await runs(locking('1'))
    await deploy(locking('2'))
    lock('')
    device.engine.controls.exitContainer('shop-web-1', 3)
    await pass(11_000)
    expect(report()).toMatchObject({ outcome: 'rolled-back' })
    expect(variable()).toBe('1')
  })

  test('of an app that mounts none means nothing', async () => {
    const { deploy, lock, runs, variable } = await open()
    await runs(model('1'))
    lock('')
    await deploy(model('2'))
    expect(variable()).toBe('2')
  })

  test('together with a window and a hold: it waits for all of them, and names all', async () => {
    const { device, deploy, lock, pass, runs, variable, waiting } = await open()
    await runs(locking('1'))
    lock('')
    await device.store.updateApp(app, (record) => ({ ...record, hold: { at: 1, by: 'ann' } }))
    await deploy(locking('2', { window: [nights] }))
    const codes = () => waiting().map((text) => text.split(':')[0])
    expect(codes()).toEqual(['held', 'window-closed', 'locked'])
    await device.store.updateApp(app, ({ hold: _, ...record }) => record)
    device.look()
    await pass(15 * hourMs, 60_000)
    expect(codes()).toEqual(['locked'])
    expect(variable()).toBe('1')
    lock(null)
    await pass(61_000)
    expect(variable()).toBe('2')
  })
})

test.each(['a lock', 'a hold', 'a window'])(
  '%s keeps a new value of a secret from replacing what runs',
  async (gate) => {
    const { device, containers, deploy, lock, pass, runs, waiting } = await open()
    device.secrets.set('key', 'one')
    const secrets = [{ source: 'key', target: '/run/secrets/key' }]
    const update = gate === 'a window' ? { window: [nights] } : {}
    const robot = serviceModel(
      { web: { secrets, 'x-longshore': { lock: true } }, db: {} },
      { secrets: { key: { external: true } }, 'x-longshore': { update } },
    )
    await runs(robot)
    const ids = () => Object.fromEntries(containers().map(({ name, id }) => [name, id]))
    const before = ids()
    if (gate === 'a lock') lock('')
    if (gate === 'a hold') await device.ask('hold', { app, by: 'ann' })
    device.secrets.set('key', 'two')
    device.engine.controls.removeContainer('shop-db-1')
    device.look()
    await pass(60_000)
    expect(waiting()).toEqual([expect.stringMatching(/^(locked|held|window-closed): /)])
    expect(containers().map(({ name, state }) => `${name} ${state}`)).toEqual([
      'shop-web-1 running',
      'shop-db-1 running',
    ])
    expect(ids()['shop-web-1']).toBe(before['shop-web-1'])
    if (gate === 'a window') await deploy(robot, {}, { now: true })
    lock(null)
    await device.ask('unhold', { app })
    await pass(5_000)
    expect(ids()['shop-web-1']).not.toBe(before['shop-web-1'])
    expect(waiting()).toEqual([])
  },
)

describe('a hold', () => {
  test('that is over is not reported any more, also where nothing waited for it', async () => {
    const { device, pass, report, runs } = await open()
    await runs(model('1'))
    await device.ask('hold', { app, by: 'ann', until: Date.now() + hourMs })
    await pass(hourMs / 2, 60_000)
    expect(report()).toMatchObject({ hold: { by: 'ann' } })
    await pass(hourMs / 2, 60_000)
    device.look()
    await pass(0)
    expect(report()).not.toHaveProperty('hold')
  })

  test('until a time that no calendar has is refused', async () => {
    const { device, runs } = await open()
    await runs(model('1'))
    expect(await device.ask('hold', { app, until: 8.9e15 })).toMatchObject({ reason: { code: 'message-invalid' } })
  })
})

test('a lock that cannot be looked at counts as one, and what runs goes on', async () => {
  const { device, deploy, pass, runs, variable, waiting, containers } = await open()
  await runs(locking('1'))
  Object.assign(device.files, {
    lock: async () => {
      throw new LongshoreError('path-unsafe', 'the lock folder is a link')
    },
  })
  await deploy(locking('2'))
  await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 1)
  await pass(20_000)
  expect(waiting()).toEqual(['path-unsafe: the lock folder is a link'])
  expect(variable()).toBe('1')
  expect(containers()).toMatchObject([{ state: 'running' }])
  await deploy(locking('2'), {}, { now: true })
  expect(variable()).toBe('2')
})

test('a plan says what it would do, and beside it what it would wait for first', async () => {
  const { device, lock, runs } = await open()
  await runs(locking('1', { window: [nights] }))
  const { engine, files, store } = device
  const clocks = { nowMs: Date.now, monotonicMs: Date.now }
  const ask = planVerb({
    ...{ owner, store, engine, files },
    policy: () => policyInForce({}),
    hardware: async () => undefined,
    site: async () => undefined,
    deviceFeatures: () => allFeatures,
    secretVersions: () => ({}),
    observe: createObserver(engine, owner.agent).observe,
    gates: createGateKeeper({ files, apps: store.apps, timeZone: () => 'UTC', builtAt: 0, ...clocks }),
  })
  const planOf = async (compose: Model, options: { now?: boolean } = {}) => {
    const answer = await ask({ app, compose: compose as never, ...options }, verbContext())
    return answer.outcome === 'done' ? answer.result : answer.reason
  }
  lock('')
  expect(await planOf(locking('2', { window: [nights] }))).toMatchObject({
    operations: expect.arrayContaining([expect.stringContaining('stop-container shop-web-1')]),
    waits: [
      'updates wait for the window 0 2 * * * for 3h, which opens at 2026-11-24 02:00 UTC',
      expect.stringContaining('the app holds its lock'),
    ],
  })
  expect(await planOf(locking('1', { window: [nights] }))).toMatchObject({ operations: [], waits: [] })
  expect(await planOf(locking('2', { window: [nights] }), { now: true })).toMatchObject({ waits: [] })
  lock(null)
  expect(await planOf(locking('2'))).toMatchObject({ waits: [] })
})
