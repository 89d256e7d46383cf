/** Updates at odd moments: what is kept to go back to, and what an agent's restart, an operator or a new deployment finds. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { historyVerb, releaseVerb } from '../../agent/commands/history-verbs.ts'
import { app, serviceModel } from '../support/builders.ts'
import { openDevice } from '../support/open-device.ts'
import { verbContext } from '../support/verb-context.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const model = (a: string, web: object = {}) => serviceModel({ web: { environment: { A: a }, ...web }, db: {} })

describe('what one can go back to', () => {
  const open = async () => {
    const opened = await openDevice()
    const { device, controls, deploy, pass, report } = opened
    return {
      ...opened,
      bad: async (...values: Parameters<typeof device.deploy>) => {
        await deploy(...values)
        controls.exitContainer('shop-web-1', 3)
        await pass(10_500)
        expect(report()).toMatchObject({ outcome: 'rolled-back' })
      },
      release: (release?: string) =>
        releaseVerb(device)({ app, ...(release === undefined ? {} : { release }) }, verbContext()),
      history: () => historyVerb(device)({ app }, verbContext()),
    }
  }

  test('is the release that runs, however many failed since', async () => {
    const { good, bad, release, history, record } = await open()
    await good(model('1'))
    for (const a of ['2', '3', '4']) await bad(model(a))
    expect(await release()).toMatchObject({ result: { generation: 1 } })
    expect(await release(record()?.lastGood?.release)).toMatchObject({ result: { generation: 1 } })
    expect(await history()).toMatchObject({
      result: {
        releases: [{ generation: 4 }, { generation: 3 }, { generation: 2 }, { generation: 1, isLastGood: true }],
      },
    })
    await good(model('5'))
    expect(await release()).toMatchObject({ result: { generation: 1 } })
  })

  test('is a release that succeeded once and failed later, with the images that it succeeded with', async () => {
    const { controls, good, bad, release, deploy } = await open()
    await good(model('1'))
    controls.addToRegistry('web:1', 'sha256:web2')
    await bad(model('1'), {}, { pull: true })
    await good(model('2'))
    expect(await release()).toMatchObject({ result: { generation: 1, outcome: 'succeeded' } })
    await deploy(model('1'), {}, { keepImages: true })
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:web1')
  })

  test('tells why a release failed also when another took its place while it was rolled back', async () => {
    const { controls, good, deploy, pass, history } = await open()
    await good(model('1'))
    await deploy(model('2'))
    controls.container('shop-web-1').lines = ['panic']
    controls.exitContainer('shop-web-1', 3)
    await pass(0)
    await deploy(model('3'))
    expect(await history()).toMatchObject({
      result: {
        releases: [
          { generation: 3 },
          { generation: 2, outcome: 'superseded', reason: { code: 'exited' }, log: ['panic'] },
          { generation: 1 },
        ],
      },
    })
  })

  test('is a release that failed as well, with the images that it ran with', async () => {
    const { controls, good, bad, deploy, pass } = await open()
    controls.addImage('web:2', 'sha256:two')
    controls.addToRegistry('web:2', 'sha256:other')
    await good(model('1'))
    await bad(model('2', { image: 'web:2' }))
    await deploy(model('3', { image: 'web:2', pull_policy: 'always' }))
    await pass(500)
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:other')
    await deploy(model('2', { image: 'web:2' }), {}, { keepImages: true })
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:two')
  })
})

describe('an agent that is started anew', () => {
  test('watches a release that ran before with another image for the whole window', async () => {
    const { controls, pass, deploy, report, good, restart } = await openDevice()
    await good(model('1'))
    controls.addToRegistry('web:1', 'sha256:web2')
    await deploy(model('1'), {}, { pull: true })
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:web2')
    await restart()
    await pass(9_000)
    expect(report()).toMatchObject({ phase: 'verifying' })
    await pass(1_000)
    expect(report()).toMatchObject({ outcome: 'succeeded' })
  })

  test('watches what was put back for the whole window', async () => {
    const { controls, pass, deploy, report, good, restart, variable } = await openDevice()
    await good(model('1'))
    await deploy(model('2'))
    controls.exitContainer('shop-web-1', 3)
    await pass(0)
    expect(variable()).toBe('1')
    await restart()
    await pass(9_000)
    expect(report()).toMatchObject({ phase: 'rolling-back' })
    await pass(1_000)
    expect(report()).toMatchObject({ outcome: 'rolled-back' })
  })
})

test('what was broken before the update, and is not changed by it, does not fail the way back', async () => {
  const { controls, pass, deploy, report, good } = await openDevice()
  const withCheck = (a: string) =>
    serviceModel({ web: { environment: { A: a } }, db: { healthcheck: { test: ['CMD', 'x'] } } })
  await good(withCheck('1'))
  controls.setHealth('shop-db-1', 'healthy')
  await pass(10_000)
  controls.setHealth('shop-db-1', 'unhealthy')
  await deploy(withCheck('2'))
  controls.exitContainer('shop-web-1', 3)
  await pass(10_000)
  expect(report()).toMatchObject({ outcome: 'rolled-back', phase: 'degraded', reason: { code: 'unhealthy' } })
})

describe('what the operator stops', () => {
  test('and starts again while it is watched has not failed, and is watched', async () => {
    const { device, controls, pass, deploy, report, good } = await openDevice()
    await good(model('1'))
    await deploy(model('2'))
    await device.ask('stop', { app, service: 'web' })
    await pass(500)
    expect(report()).toMatchObject({ services: { web: { state: 'exited' } } })
    await device.ask('start', { app, service: 'web' })
    await pass(500)
    expect(report()).toMatchObject({ phase: 'verifying', services: { web: { state: 'running' } } })
    controls.exitContainer('shop-web-1', 3)
    await pass(500)
    expect(report()).toMatchObject({ phase: 'rolling-back' })
  })

  test('of a job has not failed, and runs from its beginning when it is started again', async () => {
    const { device, controls, pass, deploy, report, names } = await openDevice({
      // Few jobs have a handler for SIGTERM.
      beforeCall: ({ kind, target }) => kind === 'stopContainer' && controls.killContainer(target),
    })
    await deploy(serviceModel({ web: {}, job: { restart: 'no' } }))
    await pass(500)
    await device.ask('stop', { app, service: 'job' })
    await pass(500)
    expect(names()).toEqual(['shop-web-1 running', 'shop-job-1 created'])
    await device.ask('start', { app, service: 'job' })
    await pass(500)
    expect(names()).toEqual(['shop-web-1 running', 'shop-job-1 running'])
    expect(report()).toMatchObject({ phase: 'verifying' })
    controls.exitContainer('shop-job-1', 0)
    await pass(10_000)
    expect(report()).toMatchObject({ outcome: 'succeeded' })
  })

  test('stays stopped without a loop when its job was done in an earlier release', async () => {
    const { device, controls, pass, deploy, report, names } = await openDevice()
    const job = (a: string) => serviceModel({ job: { restart: 'no', environment: { A: a } } })
    for (const a of ['1', '2']) {
      await deploy(job(a))
      controls.exitContainer('shop-job-1', 0)
      await pass(500)
    }
    await device.ask('stop', { app })
    await deploy(job('1'))
    await pass(500)
    expect(report()).toMatchObject({ generation: 3, outcome: 'succeeded' })
    expect(names()).toEqual([])
  })

  test('stays stopped without a loop while the engine refuses what is to take its place', async () => {
    const { device, controls, pass, deploy, names } = await openDevice()
    device.secrets.set('key', 'one')
    const secrets = [{ source: 'key', target: '/run/secrets/key' }]
    await deploy(serviceModel({ web: { secrets } }, { secrets: { key: { external: true } } }))
    await pass(10_000)
    await device.ask('stop', { app })
    await pass(500)
    controls.failNext('createContainer', 'engine-error', 3)
    device.secrets.set('key', 'two')
    device.look()
    await pass(20_000)
    expect(names()).toEqual(['shop-web-1 created'])
  })
})

test('an image named by its digest that comes back under another id is put back without a loop', async () => {
  const { controls, pass, deploy, report, good } = await openDevice()
  const pinned = `web@sha256:${'a'.repeat(64)}`
  controls.addImage(pinned, 'sha256:before')
  controls.addToRegistry(pinned, 'sha256:again')
  await good(serviceModel({ web: { image: pinned } }))
  await deploy(serviceModel({ web: {} }))
  controls.removeImage(pinned)
  controls.exitContainer('shop-web-1', 3)
  await pass(10_500)
  expect(report()).toMatchObject({ outcome: 'rolled-back', running: { generation: 1 } })
  expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:again')
})

test('the first report of an outcome has the whole reason', async () => {
  const { device, controls, pass, deploy, report, good } = await openDevice()
  const firstWith = (outcome: string) => device.reports.find((message) => message.outcome === outcome)
  await good(model('1'))
  await deploy(model('2'))
  controls.exitContainer('shop-web-1', 3)
  await pass(10_500)
  expect(firstWith('rolled-back')?.reason).toMatchObject({ code: 'exited', path: 'services.web' })
  await deploy(model('3'))
  controls.exitContainer('shop-web-1', 3)
  await pass(0)
  controls.exitContainer('shop-web-1', 4)
  await pass(0)
  expect(report()).toMatchObject({ outcome: 'rollback-failed' })
  expect(firstWith('rollback-failed')?.reason).toEqual(report()?.reason)
})

describe('superseded when the old container was just stopped', () => {
  /** The third release comes while the engine stops the container of the first. */
  const open = async (supersede: (device: Awaited<ReturnType<typeof openDevice>>['device']) => Promise<unknown>) => {
    let onStop = (_: string): void => undefined
    const opened = await openDevice({
      beforeCall: ({ kind, target }) => {
        if (kind === 'stopContainer') onStop(target)
      },
    })
    const { good, id, device, deploy } = opened
    await good(model('1'))
    const old = id('shop-web-1')
    onStop = (target) => {
      if (target !== old) return
      onStop = () => undefined
      void supersede(device)
    }
    await deploy(model('2'))
    return opened
  }

  test('the release before runs while images are pulled, and is replaced then', async () => {
    const { controls, pass, report, variable, names } = await open(async ({ deploy, engine }) => {
      engine.controls.holdPulls()
      await deploy(model('3', { image: 'far:1' }))
    })
    await pass(20_000)
    expect(report()).toMatchObject({ generation: 3, phase: 'pulling' })
    expect(names()).toContain('shop-web-1 running')
    expect(controls.container('shop-web-1').restartPolicy).toBe('unless-stopped')
    expect(variable()).toBe('1')
    controls.addToRegistry('far:1', 'sha256:far')
    controls.letPullsGo()
    await pass(20_000)
    expect(report()).toMatchObject({ outcome: 'succeeded' })
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
  })

  test('the release before runs while the operator holds the app', async () => {
    const { pass, report, names } = await open(async ({ ask, deploy }) => {
      await ask('hold', { app, by: 'ann' })
      await deploy(model('3'))
    })
    await pass(20_000)
    expect(report()).toMatchObject({ generation: 3, phase: 'waiting' })
    expect(names()).toContain('shop-web-1 running')
  })
})

describe('the moment of a failure', () => {
  const startFirst = (a: string) => model(a, { deploy: { update_config: { order: 'start-first' } } })

  test('start-first: what goes back is found by its name again', async () => {
    let onStop = (_: string): void => undefined
    const { controls, pass, deploy, report, good, id } = await openDevice({
      beforeCall: ({ kind, target }) => {
        if (kind === 'stopContainer') onStop(target)
      },
    })
    await good(startFirst('1'))
    const old = id('shop-web-1')
    onStop = (target) => {
      if (target !== old) return
      onStop = () => undefined
      controls.exitContainer('shop-web-1.next', 3)
    }
    await deploy(startFirst('2'))
    await pass(12_000)
    expect(report()).toMatchObject({ outcome: 'rolled-back', running: { generation: 1 } })
    const networks = [...controls.container('shop-web-1').networks.values()]
    expect(networks.map(({ attachment }) => attachment.aliases)).toEqual([['web', 'shop-web-1']])
  })

  test('touches nothing more of a release that is to be left as it is', async () => {
    const { controls, deploy, pass, good, report, id } = await openDevice()
    const web = (a: string) => {
      const update = { failure_action: 'pause' as const, monitor: '0s' }
      const healthcheck = { test: ['CMD', 'x'] }
      return serviceModel({
        web: { environment: { A: a }, healthcheck, deploy: { replicas: 2, update_config: update } },
      })
    }
    const heal = async () => {
      for (const { name, state } of controls.containers()) if (state === 'running') controls.setHealth(name, 'healthy')
      await pass(500)
    }
    await good(web('1'))
    await heal()
    expect(report()).toMatchObject({ outcome: 'succeeded' })
    const second = id('shop-web-2')
    await deploy(web('2'))
    expect(id('shop-web-2')).toBe(second)
    controls.exitContainer('shop-web-1', 3)
    await pass(30_000)
    expect(report()).toMatchObject({ outcome: 'failed' })
    expect(controls.container('shop-web-2')).toMatchObject({
      id: second,
      state: 'running',
      restartPolicy: 'unless-stopped',
    })
  })
})

test('what fails again and again is reported once, not with each try', async () => {
  const { device, controls, pass, deploy, report, good } = await openDevice()
  await good(model('1'))
  controls.failNext('createContainer', 'name-in-use', 100)
  await deploy(model('2'))
  await pass(10_000)
  expect(report()).toMatchObject({ phase: 'waiting', waitingFor: [{ code: 'name-in-use' }] })
  const before = device.reports.length
  await pass(300_000)
  expect(device.reports.length).toBe(before)
  controls.forgetFaults()
  await pass(70_000)
  expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'running' })
  expect(report()?.waitingFor).toBeUndefined()
})

test('a service that was renamed never runs beside its old self on what only one can have', async () => {
  const data = { volumes: [{ type: 'volume' as const, source: 'data', target: '/data' }] }
  const cases: { readonly before: object; readonly rest?: object }[] = [
    { before: data, rest: { volumes: { data: {} } } },
    { before: { devices: [{ source: '/dev/ttyUSB0', target: '/dev/ttyUSB0', permissions: 'rwm' }] } },
    { before: { network_mode: 'host' } },
    {
      before: { networks: { lan: { ipv4_address: '10.1.0.5' } } },
      rest: { networks: { lan: { ipam: { config: [{ subnet: '10.1.0.0/24' }] } } } },
    },
  ]
  for (const { before, rest } of cases) {
    let active: string[] = []
    const { device, controls, deploy, pass, report, good, names } = await openDevice({
      check: ({ controls }) => {
        const running = controls.containers().filter(({ state }) => state === 'running')
        if (running.length > 1) active = running.map(({ name }) => name)
      },
    })
    device.setPolicy({ hostNamespaces: ['network'], devices: ['/dev/ttyUSB0'] })
    await good(serviceModel({ postgres: before }, rest))
    await deploy(serviceModel({ database: before }, rest))
    await pass(500)
    controls.exitContainer('shop-database-1', 3)
    await pass(10_500)
    expect(report()).toMatchObject({ outcome: 'rolled-back' })
    expect(names()).toEqual(['shop-postgres-1 running'])
    await deploy(serviceModel({ database: before }, rest))
    await pass(10_500)
    expect(report()).toMatchObject({ outcome: 'succeeded' })
    expect(names()).toEqual(['shop-database-1 running'])
    expect(active).toEqual([])
  }
})
