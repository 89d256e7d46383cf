import { describe, expect, test } from 'vitest'
import { reportEvents } from '../../../agent/events/report-events.ts'
import type { ReportBody } from '../../../agent/reconcile/report.ts'
import type { ServiceReport } from '../../../src/protocol/reported.ts'

const service = (more: Partial<ServiceReport> = {}): ServiceReport => ({
  state: 'running',
  health: 'none',
  image: 'a',
  restarts: 0,
  startedAt: 1,
  ...more,
})

const body = (more: Partial<ReportBody> = {}): ReportBody => ({
  app: 'shop',
  generation: 1,
  release: 'sha256:1',
  phase: 'running',
  outcome: 'succeeded',
  running: null,
  services: { web: service() },
  ...more,
})

const kinds = (before: ReportBody | undefined, after: ReportBody): string[] =>
  reportEvents(before, after).map(({ kind, service: of, reason }) => [kind, of, reason?.code].filter(Boolean).join(' '))

const failed = { code: 'exited', message: 'service web ended' }

test('what stands there at first is no news, nor is the same again', () => {
  expect(kinds(undefined, body())).toEqual([])
  expect(kinds(body(), body())).toEqual([])
})

describe('a deployment', () => {
  const { outcome: _, ...open } = body({ generation: 2, phase: 'starting' })

  test('is accepted, and comes to something', () => {
    expect(kinds(body(), open)).toEqual(['deployment-accepted'])
    expect(kinds(open, body({ generation: 2 }))).toEqual(['deployment-succeeded'])
    expect(kinds(open, body({ generation: 2, phase: 'running', outcome: 'rolled-back', reason: failed }))).toEqual([
      'deployment-rolled-back exited',
    ])
    expect(kinds(open, body({ generation: 2, phase: 'failed', outcome: 'failed', reason: failed }))).toEqual([
      'deployment-failed exited',
    ])
  })

  test('may be accepted and done between two reports', () => {
    expect(kinds(body(), body({ generation: 2 }))).toEqual(['deployment-accepted', 'deployment-succeeded'])
  })

  test('is refused, once for each refusal', () => {
    const refused = { generation: 3, outcome: 'rejected' as const, reason: { code: 'policy', message: 'no' }, at: 5 }
    expect(kinds(body(), body({ refused }))).toEqual(['deployment-refused policy'])
    expect(kinds(body({ refused }), body({ refused }))).toEqual([])
    expect(kinds(body({ refused }), body({ refused: { ...refused, at: 6 } }))).toEqual(['deployment-refused policy'])
  })

  test('is another one also with the same generation: two operators deployed at once', () => {
    const other = body({ release: 'sha256:2' })
    expect(kinds(body(), other)).toEqual(['deployment-accepted', 'deployment-succeeded'])
  })

  test('whose place is taken came to nothing, and what it came to unseen is told of it, not of the next one', () => {
    const next = { ...open, generation: 3, release: 'sha256:3' }
    const entry = { generation: 2, release: 'sha256:1', outcome: 'failed' as const, reason: failed }
    expect(kinds(open, next)).toEqual(['deployment-superseded', 'deployment-accepted'])
    expect(reportEvents(open, next, [entry])[0]).toEqual({
      kind: 'deployment-failed',
      app: 'shop',
      generation: 2,
      release: 'sha256:1',
      reason: failed,
    })
  })

  test('that removes says so', () => {
    expect(kinds(open, body({ generation: 2, phase: 'removed', services: {} }))).toEqual(['app-removed'])
  })
})

describe('an app', () => {
  test('that is degraded, and comes back', () => {
    const degraded = body({ phase: 'degraded', reason: failed })
    expect(kinds(body(), degraded)).toEqual(['app-degraded exited'])
    expect(kinds(degraded, body())).toEqual(['app-recovered'])
  })
})

describe('a service', () => {
  const seen = (before: Partial<ServiceReport> | undefined, after: Partial<ServiceReport>): string[] =>
    kinds(
      body({ services: before === undefined ? {} : { web: service(before) } }),
      body({ services: { web: service(after) } }),
    )

  test.each<[string, Partial<ServiceReport> | undefined, Partial<ServiceReport>, string[]]>([
    ['is seen for the first time', undefined, {}, []],
    ['is seen for the first time, ended', undefined, { state: 'exited', exitCode: 1 }, []],
    ['starts', { state: 'missing', startedAt: undefined }, {}, ['service-started web']],
    ['is made anew', {}, { startedAt: 2 }, ['service-started web']],
    ['ends', {}, { state: 'exited', exitCode: 3 }, ['service-ended web']],
    ['ends again', { state: 'restarting', restarts: 1 }, { state: 'restarting', restarts: 2 }, ['service-ended web']],
    ['is still ended', { state: 'exited' }, { state: 'exited' }, []],
    ['was started again by the engine', {}, { startedAt: 2, restarts: 1 }, ['service-restarted web']],
    ['turns unhealthy', { health: 'healthy' }, { health: 'unhealthy' }, ['service-unhealthy web']],
    ['turns healthy', { health: 'unhealthy' }, { health: 'healthy' }, ['service-healthy web']],
    ['becomes healthy at its start', { health: 'starting' }, { health: 'healthy' }, []],
    ['vanishes', {}, { state: 'missing' }, ['service-missing web']],
  ])('that %s', (_name, before, after, expected) => {
    expect(seen(before, after)).toEqual(expected)
  })

  test('says why it was made anew, and what it said last', () => {
    const [started] = reportEvents(body(), body({ services: { web: service({ cause: 'image', startedAt: 2 }) } }))
    expect(started).toMatchObject({ kind: 'service-started', cause: 'image' })
    const ended = service({ state: 'exited', exitCode: 3, log: ['panic'], reason: failed })
    expect(reportEvents(body(), body({ services: { web: ended } }))[0]).toMatchObject({
      kind: 'service-ended',
      exitCode: 3,
      log: ['panic'],
      reason: failed,
      generation: 1,
    })
  })
})

describe('a service with several containers', () => {
  type Replica = NonNullable<ServiceReport['replicas']>[number]
  const replica = (number: number, more: Partial<Replica> = {}): Replica => ({
    number,
    state: 'running',
    health: 'none',
    restarts: 0,
    startedAt: number,
    ...more,
  })
  const seen = (before: ServiceReport, after: ServiceReport) =>
    reportEvents(body({ services: { web: before } }), body({ services: { web: after } })).map(
      ({ kind, replica: number, exitCode }) => [kind, number, exitCode],
    )
  const all = [replica(1), replica(2), replica(3)]

  test('tells nothing when another of them is the worst one', () => {
    const before = service({ startedAt: 1, restarts: 0, replicas: all })
    expect(seen(before, service({ startedAt: 3, restarts: 0, replicas: all }))).toEqual([])
  })

  test('tells which of them ended, and how, where that is known', () => {
    const replicas = [replica(1), replica(2, { state: 'exited' }), replica(3, { state: 'exited', startedAt: 9 })]
    const after = service({ state: 'exited', startedAt: 2, exitCode: 3, replicas })
    expect(seen(service({ replicas: all }), after)).toEqual([
      ['service-ended', 2, 3],
      ['service-ended', 3, undefined],
    ])
  })

  test('tells of those that came', () => {
    const missing = replica(2, { state: 'missing', startedAt: undefined })
    expect(seen(service({ replicas: [replica(1), missing] }), service({ replicas: [replica(1), replica(2)] }))).toEqual(
      [['service-started', 2, undefined]],
    )
  })
})

describe('what a container is of', () => {
  const lastGood = { generation: 1, release: 'sha256:1' }
  const of = (more: Partial<ReportBody>) =>
    reportEvents(
      body({ generation: 2, release: 'sha256:2', lastGood, ...more }),
      body({ generation: 2, release: 'sha256:2', lastGood, ...more, services: { web: service({ startedAt: 2 }) } }),
    ).map(({ kind, generation, release }) => [kind, generation, release])

  test('the newest deployment, or, once that is rolled back, the last good one', () => {
    expect(of({})).toEqual([['service-started', 2, 'sha256:2']])
    for (const more of [{ phase: 'rolling-back' as const, outcome: undefined }, { outcome: 'rolled-back' as const }])
      expect(of(more as Partial<ReportBody>)).toEqual([['service-started', 1, 'sha256:1']])
  })

  test('one that is taken away for the next is not missing', () => {
    const { outcome: _, ...open } = body({ generation: 2, phase: 'starting' })
    expect(kinds(open, { ...open, services: { web: service({ state: 'missing' }) } })).toEqual([])
  })
})
