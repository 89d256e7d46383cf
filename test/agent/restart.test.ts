/** `restart` between the turns of the reconciler: what is restarted, in which order, and that nobody takes it for a crash. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reportEvents } from '../../agent/events/report-events.ts'
import { planRestart } from '../../agent/reconcile/plan-restart.ts'
import type { AppRecord } from '../../agent/store/app-record.ts'
import type { Model } from '../../src/compose/model.ts'
import { app, assignment, committed, container, serviceModel, underWay } from '../support/builders.ts'
import { openDevice } from '../support/open-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('which containers, and in which order', () => {
  const model = serviceModel({
    api: { depends_on: { db: { condition: 'service_healthy' } }, stop_grace_period: '30s' },
    db: {},
    migrate: { restart: 'no' },
    proxy: { depends_on: { api: { condition: 'service_started', restart: true } } },
    tap: { network_mode: 'service:api' },
  })
  const deployment = assignment(model)
  const containers = Object.keys(model.services).map((name) => container(deployment, name))
  const steps = (record: AppRecord, service?: string, those = containers): unknown => {
    const planned = planRestart(record, those, service)
    return planned.kind === 'refused'
      ? planned.reason
      : planned.steps.map((step) => [step.service, step.timeoutS, ...step.awaits])
  }

  test('all of an app, what is needed first; no job', () => {
    expect(steps(committed(deployment))).toEqual([
      ['db', 10],
      ['api', 30, 'db'],
      ['proxy', 10],
      ['tap', 10],
    ])
  })

  test('a service, and those that follow it: by depends_on with restart, or because they join it', () => {
    expect(steps(committed(deployment), 'api')).toEqual([
      ['api', 30],
      ['proxy', 10],
      ['tap', 10],
    ])
    expect(steps(committed(deployment), 'db')).toEqual([['db', 10]])
  })

  test('one that ended is started again, and one that was made beforehand is left alone', () => {
    const those = [
      container(deployment, 'db', { state: 'exited' }),
      container(deployment, 'db', { state: 'created', name: 'shop-db-1.next' }),
    ]
    const planned = planRestart(committed(deployment), those, 'db')
    expect(planned.kind === 'steps' && planned.steps[0]?.containers.map(({ name }) => name)).toEqual(['shop-db-1'])
  })

  test.each([
    ['a service that is not there', committed(deployment), 'web', containers, 'reference-missing'],
    ['a job', committed(deployment), 'migrate', containers, 'message-invalid'],
    ['a service that the operator stopped', stopped('db'), 'db', containers, 'stopped'],
    ['an app that the operator stopped', stopped('*'), undefined, containers, 'exited'],
    ['a service without a container', committed(deployment), 'db', [], 'exited'],
    ['a first release that is under way', underWay(deployment), undefined, containers, 'update-under-way'],
    ['an update that has begun', begun(), undefined, containers, 'update-under-way'],
  ])('%s is refused', (_what, record, service, those, code) => {
    expect(steps(record, service, those)).toMatchObject({ code })
  })

  test('an update that waits, and has touched nothing, leaves the release before to be restarted', () => {
    expect(steps(underWay(assignment(serviceModel({ other: {} }), 2), deployment), 'db')).toEqual([['db', 10]])
  })

  function stopped(service: string): AppRecord {
    return { ...committed(deployment), stopped: { [service]: { at: 0, by: 'ada' } } }
  }
  function begun(): AppRecord {
    const record = underWay(assignment(model, 2), deployment)
    return { ...record, ...(record.accepted && { accepted: { ...record.accepted, begun: { at: 0, faulty: [] } } }) }
  }
})

describe('on a device', () => {
  const model: Model = serviceModel({
    db: {},
    web: { depends_on: { db: { condition: 'service_started', restart: true } } },
  })

  test('containers stay the same and start anew, one after another, and no event tells of an end', async () => {
    const { device, controls, good, names, id, pass } = await openDevice()
    await good(model)
    const [before, reportsBefore, callsBefore] = [id('shop-web-1'), device.reports.length, controls.calls.length]
    await pass(1_000)
    const answer = device.restart({ app })
    await pass(500)
    expect(await answer).toMatchObject({ outcome: 'done', result: { restarted: ['shop-db-1', 'shop-web-1'] } })
    expect(id('shop-web-1')).toBe(before)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
    const calls = controls.calls.slice(callsBefore).filter(({ kind }) => /^(stop|start)Container$/.test(kind))
    expect(calls.map(({ kind }) => kind)).toEqual([
      'stopContainer',
      'startContainer',
      'stopContainer',
      'startContainer',
    ])
    const reports = device.reports.slice(reportsBefore - 1)
    expect(new Set(reports.map(({ phase, outcome }) => `${phase} ${outcome}`))).toEqual(new Set(['running succeeded']))
    const kinds = reports.slice(1).flatMap((after, index) => reportEvents(reports[index] as never, after as never))
    expect([...new Set(kinds.map(({ kind }) => kind))]).toEqual(['service-started'])
  })

  test('a deployment that comes in between waits for its end', async () => {
    const { device, controls, good, report, pass } = await openDevice()
    await good(model)
    const answer = device.restart({ app })
    await device.deploy(serviceModel({ db: {}, web: { environment: { A: '2' } } }))
    await pass(12_000)
    expect(await answer).toMatchObject({ outcome: 'done' })
    expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded', generation: 2 })
    const kinds = controls.calls.map(({ kind }) => kind)
    expect(kinds.lastIndexOf('createContainer')).toBeGreaterThan(kinds.indexOf('stopContainer'))
  })

  test('while an update is watched it is refused, and the update goes on', async () => {
    const { device, deploy, report, pass } = await openDevice()
    await deploy(model)
    expect(await device.restart({ app })).toMatchObject({ outcome: 'refused', reason: { code: 'update-under-way' } })
    await pass(10_500)
    expect(report()).toMatchObject({ outcome: 'succeeded' })
  })

  test('an agent that is killed between stop and start: the next one starts it, and no release is given up', async () => {
    const { device, good, names, report, pass, controls } = await openDevice()
    await good(model)
    const callsBefore = controls.calls.length
    void device.restart({ app, service: 'web' })
    for (let calls = 0; !controls.calls.slice(callsBefore).some(({ kind }) => kind === 'stopContainer'); calls += 1) {
      if (calls > 100) throw new Error('it was never stopped')
      await Promise.resolve()
    }
    device.crash(0, false)
    expect(names()).toContain('shop-web-1 exited')
    device.revive()
    await pass(1_000)
    expect(names()).toEqual(['shop-db-1 running', 'shop-web-1 running'])
    expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
  })

  test('of an app that is not there nothing is touched', async () => {
    const { device } = await openDevice()
    expect(await device.restart({ app: 'none' })).toMatchObject({ outcome: 'refused', reason: { code: 'app-unknown' } })
    expect(await device.restart({ app: 'Not A Name' })).toMatchObject({ reason: { code: 'message-invalid' } })
  })
})
