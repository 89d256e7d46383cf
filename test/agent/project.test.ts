/** Files beside the Compose file, secrets and several containers of a service, through the whole loop on a simulated engine. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sha256Of } from '../../agent/translate/project-mounts.ts'
import type { Mount, Service } from '../../src/compose/model.ts'
import { app, serviceModel } from '../support/builders.ts'
import { simulatedDevice } from '../support/simulated-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const quick = { deploy: { update_config: { monitor: '0s' } } }
const bind = (source: string, readOnly = false): Mount => ({
  type: 'bind',
  source,
  target: `/mnt/${source.replaceAll('/', '-')}`,
  ...(readOnly ? { read_only: true } : {}),
})
const shop = (services: Record<string, Partial<Service>>, rest: Parameters<typeof serviceModel>[1] = {}) =>
  serviceModel(
    Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...quick, ...service }])),
    rest,
  )

const open = async () => {
  const device = simulatedDevice()
  device.engine.controls.addImage('web:1', 'sha256:web1')
  await device.settle()
  const ids = () =>
    Object.fromEntries(device.engine.controls.containers().map(({ name, id, state }) => [name, `${id} ${state}`]))
  return {
    device,
    ids,
    report: () => device.reported.get(app),
    deploy: async (...values: Parameters<typeof device.deploy>) => {
      expect(await device.deploy(...values)).toBe('accepted')
      await device.settle()
    },
    pass: async (ms: number) => {
      vi.advanceTimersByTime(ms)
      await device.settle()
    },
  }
}

describe('read-only files', () => {
  const model = shop({ web: { volumes: [bind('./conf', true)] }, db: {} })

  test('belong to the release: only a service that mounts a changed one is replaced, and the old ones go', async () => {
    const { device, ids, report, deploy } = await open()
    await deploy(model, { 'conf/a': '1', 'other/b': '1' })
    expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'running' })
    const first = ids()
    const trees = (await device.files.observe(app, [])).trees
    expect(trees).toHaveLength(1)

    await deploy(model, { 'conf/a': '1', 'other/b': '2' })
    expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded' })
    expect(ids()).toEqual(first)

    await deploy(model, { 'conf/a': '2', 'other/b': '2' })
    expect(report()).toMatchObject({ generation: 3, outcome: 'succeeded' })
    expect(ids()['shop-db-1']).toBe(first['shop-db-1'])
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    const after = (await device.files.observe(app, [])).trees
    expect(after).toHaveLength(1)
    expect(after).not.toEqual(trees)
  })
})

describe('writable files', () => {
  const model = (more: Partial<Service> = {}, rest = {}) =>
    shop({ web: { volumes: [bind('./conf')], ...more }, db: {} }, rest)

  test('that nobody touched are replaced, and the services that mount them with them', async () => {
    const { device, ids, report, deploy } = await open()
    await deploy(model(), { 'conf/a': '1' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('1')
    const first = ids()
    await deploy(model(), { 'conf/a': '2' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('2')
    expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded', phase: 'running' })
    expect(report()?.keptFiles).toBeUndefined()
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    expect(ids()['shop-db-1']).toBe(first['shop-db-1'])
    const second = ids()
    await deploy(model(), { 'conf/a': '2' })
    expect(ids()).toEqual(second)
  })

  test('that were changed on the device are kept, which is said and replaces nobody', async () => {
    const { device, ids, report, deploy } = await open()
    await deploy(model(), { 'conf/a': '1' })
    const first = ids()
    device.files.controls.write(app, 'conf/a', 'mine')
    await deploy(model(), { 'conf/a': '2' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('mine')
    expect(ids()).toEqual(first)
    expect(report()).toMatchObject({ outcome: 'succeeded', keptFiles: [{ path: 'conf/a' }] })
    // And once more, when the operator has it all the same.
    await deploy(model(), { 'conf/a': '2' }, { replaceFiles: true })
    expect(device.files.controls.read(app, 'conf/a')).toBe('2')
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    expect(report()?.keptFiles).toBeUndefined()
  })

  test('that the containers changed and the operator did not are nobody’s concern', async () => {
    const { device, ids, report, deploy } = await open()
    await deploy(model(), { 'conf/state': 'seed' })
    const first = ids()
    device.files.controls.write(app, 'conf/state', 'grown')
    await deploy(shop({ web: { volumes: [bind('./conf')] }, db: { environment: { A: '1' } } }), {
      'conf/state': 'seed',
    })
    expect(device.files.controls.read(app, 'conf/state')).toBe('grown')
    expect(ids()['shop-web-1']).toBe(first['shop-web-1'])
    expect(report()?.keptFiles).toBeUndefined()
  })

  test('of which the release always wins are written over what is there, and their services notice', async () => {
    const { device, ids, deploy } = await open()
    const rules = { 'x-longshore': { files: { './conf/a': 'release' as const } } }
    await deploy(model({}, rules), { 'conf/a': '1' })
    device.files.controls.write(app, 'conf/a', 'mine')
    const first = ids()
    await deploy(model({}, rules), { 'conf/a': '1' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('1')
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    const second = ids()
    await deploy(model({}, rules), { 'conf/a': '1' })
    expect(ids()).toEqual(second)
  })

  test('of which the device always wins stay as they are', async () => {
    const { device, deploy } = await open()
    const rules = { 'x-longshore': { files: { './conf': 'data' as const } } }
    await deploy(model({}, rules), { 'conf/a': '1' })
    await deploy(model({}, rules), { 'conf/a': '2' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('1')
  })

  test('that the release no longer has go, unless they were changed', async () => {
    const { device, report, deploy } = await open()
    await deploy(model(), { 'conf/a': '1', 'conf/b': '1', 'conf/c': '1' })
    device.files.controls.write(app, 'conf/b', 'mine')
    await deploy(model(), { 'conf/c': '1' })
    expect(device.files.controls.read(app, 'conf/a')).toBeUndefined()
    expect(device.files.controls.read(app, 'conf/b')).toBe('mine')
    expect(report()).toMatchObject({ outcome: 'succeeded', keptFiles: [{ path: 'conf/b', release: null }] })
    await deploy(model(), { 'conf/c': '1' })
    expect(report()?.keptFiles).toBeUndefined()
  })

  test('a folder that nobody has becomes an empty one; a mounted file that was lost comes back', async () => {
    const { device, report, deploy, pass } = await open()
    await deploy(shop({ web: { volumes: [bind('./data'), bind('./a.conf')] } }), { 'a.conf': '1' })
    expect(report()).toMatchObject({ outcome: 'succeeded' })
    expect((await device.files.observe(app, ['data'])).data).toEqual({ data: { kind: 'folder' } })
    await device.files.removeProject(app, { data: true })
    await device.files.keep(app, new Map([[sha('1'), Buffer.from('1')]]), new Set([sha('1')]))
    // As an engine leaves a container whose mount is gone.
    await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 0)
    await pass(1_000)
    expect(device.files.controls.read(app, 'a.conf')).toBe('1')
  })

  test('stay when the app is removed, and go with its volumes', async () => {
    const { device, report, deploy } = await open()
    await deploy(model(), { 'conf/a': '1' })
    await device.remove(app, false)
    await device.settle()
    expect(report()).toMatchObject({ phase: 'removed', outcome: 'succeeded' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('1')
    await deploy(model(), { 'conf/a': '2' })
    expect(device.files.controls.read(app, 'conf/a')).toBe('2')
    await device.remove(app, true)
    await device.settle()
    expect(await device.files.observe(app, [])).toMatchObject({ hasData: false, hasRelease: false })
  })

  test('wherever the agent dies in an update, the files end as the release has them', async () => {
    for (let calls = 0; calls < 60; calls += 1) {
      for (const isAfterEffect of [false, true]) {
        const { device, ids, report, deploy, pass } = await open()
        const texts = (n: string) => ({ 'conf/a': n, 'conf/b': 'same', 'ro/c': n })
        const both = shop({ web: { volumes: [bind('./conf'), bind('./ro', true)] }, db: { volumes: [bind('./conf')] } })
        await deploy(both, texts('1'))
        device.crash(calls, isAfterEffect)
        await device.deploy(both, texts('2'))
        await device.settle()
        device.revive()
        await pass(1_000)
        await pass(5_000)
        expect(report(), `died at call ${calls}`).toMatchObject({
          generation: 2,
          outcome: 'succeeded',
          phase: 'running',
        })
        expect(device.files.controls.read(app, 'conf/a')).toBe('2')
        expect(Object.keys(ids()).sort()).toEqual(['shop-db-1', 'shop-web-1'])
        expect((await device.files.observe(app, [])).trees).toHaveLength(1)
      }
    }
  })
})

const sha = (text: string): string => sha256Of(text)

test('a mounted file becomes a folder and a file again', async () => {
  const { device, report, deploy } = await open()
  const model = shop({ web: { volumes: [bind('./conf')] } })
  await deploy(model, { conf: '1' })
  await deploy(model, { 'conf/sub/a': '2' })
  expect(report()).toMatchObject({ generation: 2, outcome: 'succeeded' })
  expect(device.files.controls.read(app, 'conf/sub/a')).toBe('2')
  await deploy(model, { conf: '1' })
  expect(report()).toMatchObject({ generation: 3, outcome: 'succeeded', phase: 'running' })
  expect(device.files.controls.read(app, 'conf')).toBe('1')
})

test('files whose whole folder was lost come back with the next deployment', async () => {
  const { device, ids, report, deploy } = await open()
  const model = shop({ web: { volumes: [bind('./conf')] } })
  await deploy(model, { 'conf/a': '1' })
  const first = ids()
  device.files.controls.wipe(app)
  await deploy(model, { 'conf/a': '1' })
  expect(device.files.controls.read(app, 'conf/a')).toBe('1')
  expect(ids()).not.toEqual(first)
  expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'running' })
})

test('a deployment that comes while files are written finds nothing changed by anybody else', async () => {
  for (let calls = 0; calls < 25; calls += 1) {
    for (const isAfterEffect of [false, true]) {
      const { device, report, deploy, pass } = await open()
      const model = shop({ web: { volumes: [bind('./conf')] } })
      await deploy(model, { 'conf/a': '1', 'conf/old': '1' })
      for (const texts of [
        { 'conf/a': '2', 'conf/new': '2' },
        { 'conf/a': '3', 'conf/old': '3' },
      ]) {
        device.crash(calls, isAfterEffect)
        await device.deploy(model, texts)
        await device.settle()
        device.crash(0, false)
        // As when the agent is back, and hears of the newer one before it has looked around.
        const next = device.deploy(model, { 'conf/a': '4', 'conf/new': '4' })
        device.revive()
        await next
        await pass(5_000)
      }
      const at = `died at call ${calls}`
      expect(report(), at).toMatchObject({ outcome: 'succeeded', phase: 'running' })
      expect(report()?.keptFiles, at).toBeUndefined()
      expect(device.files.controls.read(app, 'conf/a'), at).toBe('4')
      expect(device.files.controls.read(app, 'conf/new'), at).toBe('4')
      expect(device.files.controls.read(app, 'conf/old'), at).toBeUndefined()
    }
  }
})

describe('secrets', () => {
  const model = shop(
    { web: { secrets: [{ source: 'key', target: '/run/secrets/key' }] }, db: {} },
    { secrets: { key: { external: true } } },
  )

  test('a service waits for one that was not set, by its name', async () => {
    const { device, ids, report, deploy } = await open()
    await deploy(model)
    expect(ids()).toEqual({})
    expect(report()).toMatchObject({
      phase: 'waiting',
      waitingFor: [
        {
          code: 'secret-missing',
          message: 'secret key of service web was not set, or not for this device',
          path: 'services.web',
        },
      ],
    })
    device.secrets.set('key', 'one')
    device.look()
    await device.settle()
    expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
  })

  test('another value replaces its users and nobody else', async () => {
    const { device, ids, report, deploy } = await open()
    device.secrets.set('key', 'one')
    await deploy(model)
    const first = ids()
    device.look()
    await device.settle()
    expect(ids()).toEqual(first)
    device.secrets.set('key', 'two')
    device.look()
    await device.settle()
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    expect(ids()['shop-db-1']).toBe(first['shop-db-1'])
    expect(report()).toMatchObject({ phase: 'running' })
    expect((await device.files.observe(app, [])).secretTrees).toHaveLength(1)
  })

  test('one that was taken away stops nobody, and is said', async () => {
    const { device, ids, report, deploy } = await open()
    device.secrets.set('key', 'one')
    await deploy(model)
    const first = ids()
    device.secrets.delete('key')
    device.look()
    await device.settle()
    expect(ids()).toEqual(first)
    expect(report()).toMatchObject({ phase: 'degraded', reason: { code: 'secret-missing' } })
  })

  test('after a reboot they are put back before their users are started', async () => {
    const { device, ids, report, deploy, pass } = await open()
    device.secrets.set('key', 'one')
    await deploy(model)
    const { secretTrees } = await device.files.observe(app, [])
    device.crash(0, false)
    device.files.controls.forgetSecrets()
    await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 0)
    device.revive()
    await pass(1_000)
    expect(await device.files.observe(app, [])).toMatchObject({ secretTrees })
    expect(ids()['shop-web-1']).toMatch(/running$/)
    expect(report()).toMatchObject({ phase: 'running' })
  })
})

describe('what an engine would follow to where it should not', () => {
  const model = shop({ web: { volumes: [bind('./data/sub')] }, db: { volumes: [bind('./data')] } })

  test('a link that a container put in the way keeps a service from being started, and is said', async () => {
    const { device, ids, report, deploy, pass } = await open()
    await deploy(model)
    expect(report()).toMatchObject({ phase: 'running' })
    device.files.controls.link(app, 'data/sub')
    await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 0)
    await pass(1_000)
    expect(ids()['shop-web-1']).toMatch(/exited$/)
    expect(report()).toMatchObject({ phase: 'degraded', waitingFor: [{ code: 'path-unsafe' }] })
  })

  test('nor is it started while a newer release waits for its image', async () => {
    const { device, ids, report, deploy, pass } = await open()
    await deploy(model)
    device.files.controls.link(app, 'data/sub')
    await deploy(shop({ web: { image: 'absent:1', volumes: [bind('./data/sub')] } }))
    await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 0)
    await pass(1_000)
    expect(ids()['shop-web-1']).toMatch(/exited$/)
    expect(report()?.waitingFor).toContainEqual(expect.objectContaining({ code: 'path-unsafe' }))
  })
})

test('after a reboot the release before has its secrets again while a newer one waits for its image', async () => {
  const { device, ids, deploy, pass } = await open()
  device.secrets.set('key', 'one')
  await deploy(
    shop(
      { web: { secrets: [{ source: 'key', target: '/run/secrets/key' }] } },
      { secrets: { key: { external: true } } },
    ),
  )
  await deploy(shop({ web: { image: 'absent:1' } }))
  device.crash(0, false)
  device.files.controls.forgetSecrets()
  await device.engine.stopContainer(device.engine.controls.container('shop-web-1').id, 0)
  device.revive()
  await pass(1_000)
  expect((await device.files.observe(app, [])).secretTrees).toHaveLength(1)
  expect(ids()['shop-web-1']).toMatch(/running$/)
})

describe('several containers of a service', () => {
  const model = (replicas: number, more: Partial<Service> = {}) =>
    shop({ web: { ...more, deploy: { replicas, update_config: { monitor: '0s' } } }, db: {} })

  test('run side by side, one is repaired alone, and fewer are fewer', async () => {
    const { device, ids, report, deploy, pass } = await open()
    await deploy(model(3))
    expect(Object.keys(ids())).toEqual(['shop-db-1', 'shop-web-1', 'shop-web-2', 'shop-web-3'])
    expect(report()).toMatchObject({
      outcome: 'succeeded',
      services: {
        web: { state: 'running', replicas: [{ number: 1 }, { number: 2 }, { number: 3, state: 'running' }] },
      },
    })
    const first = ids()
    device.engine.controls.exitContainer('shop-web-2', 1)
    await pass(1_000)
    expect(ids()).toEqual(first)
    await deploy(model(1))
    expect(ids()).toEqual({ 'shop-db-1': first['shop-db-1'], 'shop-web-1': first['shop-web-1'] })
    await deploy(model(2))
    expect(Object.keys(ids())).toEqual(['shop-db-1', 'shop-web-1', 'shop-web-2'])
    await deploy(model(0))
    expect(Object.keys(ids())).toEqual(['shop-db-1'])
    expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'running' })
  })

  test('all are replaced when the service changes', async () => {
    const { ids, report, deploy } = await open()
    await deploy(model(2))
    const first = ids()
    await deploy(model(2, { environment: { A: '1' } }))
    expect(Object.keys(ids())).toEqual(Object.keys(first))
    expect(ids()['shop-web-1']).not.toBe(first['shop-web-1'])
    expect(ids()['shop-web-2']).not.toBe(first['shop-web-2'])
    expect(report()).toMatchObject({ outcome: 'succeeded' })
  })
})
