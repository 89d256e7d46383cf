/** How one release follows another: order, replicas in batches, jobs that stay done, followers, stops and gates. */
import { describe, expect, test } from 'vitest'
import { emptyMemory } from '../../agent/reconcile/memory.ts'
import type { PlanInput } from '../../agent/reconcile/plan-contract.ts'
import { targetOf } from '../../agent/reconcile/target.ts'
import { label } from '../../agent/translate/engine-names.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import {
  afterTurn,
  assignment,
  committed,
  container,
  observing,
  planInput,
  planned,
  removal,
  serviceModel,
  texts,
  turns,
  underWay,
  waits,
} from '../support/builders.ts'

type Update = NonNullable<NonNullable<Service['deploy']>['update_config']>

const releases = (deploy: Service['deploy'], more: Partial<Service> = {}) => {
  const model = (a: string): Model => serviceModel({ web: { environment: { A: a }, deploy, ...more } })
  return { before: assignment(model('1'), 1), after: assignment(model('2'), 2) }
}

const runningReplicas = (deployment: ReturnType<typeof assignment>, count: number) =>
  Array.from({ length: count }, (_, index) => {
    const one = container(deployment, 'web', { name: `shop-web-${index + 1}` })
    return { ...one, labels: { ...one.labels, [label.number]: String(index + 1) } }
  })

describe('start-first', () => {
  const { before, after } = releases({ update_config: { order: 'start-first' } })
  const old = container(before, 'web')
  const answering = {
    ...old,
    details: old.details && { ...old.details, aliases: { shop_default: ['web', 'shop-web-1'] } },
  }
  const input = (): PlanInput => planInput(underWay(after, before), observing(after.compose, [answering]), { now: 0 })

  test('the new one runs beside the old one, which is then found by no name, stopped and removed', () => {
    expect(turns(input())).toEqual([
      ['create-container shop-web-1.next'],
      ['start-container shop-web-1.next'],
      ['withdraw-alias shop-web-1 on shop_default'],
      ['stop-container shop-web-1'],
      ['remove-container shop-web-1'],
      ['rename-container shop-web-1.next to shop-web-1'],
    ])
  })

  test('the old one stays until the new one is healthy', () => {
    const checked = releases({ update_config: { order: 'start-first' } }, { healthcheck: { test: ['CMD', 'true'] } })
    const next = container(checked.after, 'web', { name: 'shop-web-1.next', health: 'starting' })
    const seen = [container(checked.before, 'web', { health: 'healthy' }), next]
    const record = underWay(checked.after, checked.before)
    expect(texts(planned(planInput(record, observing(checked.after.compose, seen))))).toEqual([])
    const healthy = [seen[0] as typeof next, { ...next, health: 'healthy' as const }]
    expect(texts(planned(planInput(record, observing(checked.after.compose, healthy))))).toEqual([
      'stop-container shop-web-1',
    ])
  })
})

describe('replicas', () => {
  const order = (update: Update, count: number): string[] => {
    const { before, after } = releases({ replicas: count, update_config: update })
    const seen = observing(after.compose, runningReplicas(before, count))
    return turns(planInput(underWay(after, before), seen, { now: 0 }))
      .map((operations) => operations.filter((text) => /^(stop|start)/.test(text)).join(', '))
      .filter((text) => text !== '')
  }

  test('are replaced one at a time, the next when the one before is up', () => {
    expect(order({}, 2)).toEqual([
      'stop-container shop-web-1',
      'start-container shop-web-1.next',
      'stop-container shop-web-2',
      'start-container shop-web-2.next',
    ])
  })

  test('so many at a time as the release says, or all at once', () => {
    expect(order({ parallelism: 2 }, 3)).toEqual([
      'stop-container shop-web-1, stop-container shop-web-2',
      'start-container shop-web-1.next, start-container shop-web-2.next',
      'stop-container shop-web-3',
      'start-container shop-web-3.next',
    ])
    expect(order({ parallelism: 0 }, 3)[0]).toBe(
      'stop-container shop-web-1, stop-container shop-web-2, stop-container shop-web-3',
    )
  })

  test('with a pause between two batches, which is slept through', () => {
    const { before, after } = releases({ replicas: 2, update_config: { delay: '30s' } })
    const second = runningReplicas(before, 2)[1] as ReturnType<typeof container>
    const done = runningReplicas(after, 1)[0] as typeof second
    const next = { ...second, ...container(after, 'web', { name: 'shop-web-2.next', state: 'created' }) }
    const waiting = { ...next, labels: { ...next.labels, [label.number]: '2' } }
    const seen = observing(after.compose, [done, second, waiting])
    const input = planInput(underWay(after, before), seen, { now: 100 })
    const first_ = planned(input)
    expect(first_).toMatchObject({ operations: [], wakeAt: 30_100 })
    expect(texts(planned({ ...afterTurn(input, first_), now: 30_100 }))).toEqual(['stop-container shop-web-2'])
  })

  test('one of several may fail where the release says so, and the update still succeeds', () => {
    const verdictWith = (max_failure_ratio: number, state: Partial<ReturnType<typeof container>>) => {
      const { before, after } = releases({ replicas: 4, update_config: { max_failure_ratio, monitor: '0s' } })
      const seen = runningReplicas(after, 4)
      const broken = { ...seen[0], ...state } as (typeof seen)[number]
      const input = planInput(underWay(after, before), observing(after.compose, [broken, ...seen.slice(1)]))
      return planned({ ...input, memory: { ...input.memory, hasActed: true, seenRunning: { [broken.id]: 0 } } })
    }
    const good = { verdict: { outcome: 'succeeded' }, phase: 'degraded' }
    expect(verdictWith(0.25, { state: 'restarting' })).toMatchObject(good)
    expect(verdictWith(0.2, { state: 'restarting' })).toMatchObject({ rollback: { reason: { code: 'crash-loop' } } })
    expect(verdictWith(0.25, { health: 'unhealthy' })).toMatchObject(good)
    expect(verdictWith(0.2, { health: 'unhealthy' }).verdict).toBeUndefined()
    expect(verdictWith(0.25, { health: 'starting' }).verdict).toBeUndefined()
  })

  test('one that may fail and is unhealthy keeps the next batch waiting no longer', () => {
    const next = (max_failure_ratio: number) => {
      const { before, after } = releases({ replicas: 4, update_config: { max_failure_ratio } })
      const done = runningReplicas(after, 1)[0] as ReturnType<typeof container>
      const old = runningReplicas(before, 4).slice(1)
      const made = old.map(({ name, labels }) => {
        const one = container(after, 'web', { name: `${name}.next`, state: 'created' })
        return { ...one, labels: { ...one.labels, [label.number]: labels[label.number] as string } }
      })
      const seen = [{ ...done, health: 'unhealthy' as const }, ...old, ...made]
      return texts(planned(planInput(underWay(after, before), observing(after.compose, seen))))
    }
    expect(next(0.25)).toEqual(['stop-container shop-web-2'])
    expect(next(0)).toEqual([])
  })
})

describe('a job', () => {
  const model = serviceModel({ migrate: { restart: 'no' }, web: {} })
  const deployment = assignment(model, 1)
  const ended = container(deployment, 'migrate', { state: 'exited', restartPolicy: 'no' })

  test('that ended well is written down, and done from then on, whatever becomes of its container', () => {
    const seen = observing(model, [ended, container(deployment, 'web')])
    const first = planned(planInput(underWay(deployment), seen))
    expect(first.completedJobs).toEqual([{ service: 'migrate', digest: ended.labels[label.digest] }])
    const input = afterTurn(planInput(underWay(deployment), seen), first)
    const pruned = planned({ ...input, observed: observing(model, [container(deployment, 'web')]) })
    expect(texts(pruned)).toEqual([])
    expect(pruned.completedJobs).toBeUndefined()
    expect(pruned.phase).toBe('verifying')
  })

  test('runs again when what it is made of changed', () => {
    const seen = observing(model, [ended, container(deployment, 'web')])
    const done = afterTurn(planInput(underWay(deployment), seen), planned(planInput(underWay(deployment), seen)))
    const next = assignment(serviceModel({ migrate: { restart: 'no', command: ['up'] }, web: {} }), 2)
    const record = { ...underWay(next, deployment), completedJobs: done.record.completedJobs }
    expect(turns(planInput(record, seen)).flat()).toContain('start-container shop-migrate-1.next')
  })
})

test('depends_on with restart: who says so is made anew with the one it depends on, after it', () => {
  const model = (a: string) =>
    serviceModel({
      db: { environment: { A: a } },
      web: { depends_on: { db: { condition: 'service_started', restart: true } } },
    })
  const [before, after] = [assignment(model('1'), 1), assignment(model('2'), 2)]
  const db = container(before, 'db')
  const seen = observing(after.compose, [db, container(before, 'web', { joined: db.id })])
  const order = turns(planInput(underWay(after, before), seen)).flat()
  expect(order).toContain('start-container shop-web-1.next')
  expect(order.indexOf('start-container shop-db-1.next')).toBeLessThan(order.indexOf('stop-container shop-web-1'))
})

test('a dependency that is not required and will not come up is passed over', () => {
  const model = serviceModel({
    db: { healthcheck: { test: ['CMD', 'x'] } },
    web: { depends_on: { db: { condition: 'service_healthy', required: false } } },
  })
  const deployment = assignment(model)
  const seen = (health: 'starting' | 'unhealthy') =>
    observing(model, [container(deployment, 'db', { health }), container(deployment, 'web', { state: 'created' })])
  expect(texts(planned(planInput(underWay(deployment), seen('starting'))))).toEqual([])
  expect(texts(planned(planInput(underWay(deployment), seen('unhealthy'))))).toEqual(['start-container shop-web-1'])
})

describe('a stop by the operator', () => {
  const model = serviceModel({ web: { depends_on: { db: { condition: 'service_started' } } }, db: {} })
  const deployment = assignment(model)
  const stopped = (services: string[]) => ({
    ...committed(deployment),
    stopped: Object.fromEntries(services.map((name) => [name, { at: 1, by: 'ann' }])),
  })
  const both = observing(model, [container(deployment, 'web'), container(deployment, 'db')])

  test('ends the whole app, those first that need others, and keeps it ended', () => {
    const input = planInput(stopped(['*']), both)
    expect(turns(input)).toEqual([['stop-container shop-web-1'], ['stop-container shop-db-1']])
    const down = [container(deployment, 'web', { state: 'exited' }), container(deployment, 'db', { state: 'exited' })]
    const after = planned(planInput(stopped(['*']), observing(model, down)))
    expect(after).toMatchObject({ operations: [], phase: 'stopped' })
  })

  test('of one service leaves the others alone, and ends with its start', () => {
    expect(turns(planInput(stopped(['web']), both)).flat()).toEqual(['stop-container shop-web-1'])
    const down = container(deployment, 'web', { state: 'exited', restartPolicy: 'no' })
    expect(turns(planInput(committed(deployment), observing(model, [down, container(deployment, 'db')])))).toEqual([
      ['allow-restart shop-web-1'],
      ['start-container shop-web-1'],
    ])
  })

  test('outlasts an update: the new container is made and not started', () => {
    const next = assignment(serviceModel({ web: { environment: { A: '2' } }, db: {} }), 2)
    const record = { ...underWay(next, deployment), stopped: { web: { at: 1, by: 'ann' } } }
    const down = container(deployment, 'web', { state: 'exited' })
    expect(turns(planInput(record, observing(next.compose, [down, container(deployment, 'db')]))).flat()).toEqual([
      'create-container shop-web-1.next',
      'remove-container shop-web-1',
      'rename-container shop-web-1.next to shop-web-1',
    ])
  })
})

describe('a gate', () => {
  const before = assignment(serviceModel({ web: {} }), 1)
  const after = assignment(serviceModel({ web: { environment: { A: '1' } } }), 2)
  const gates = [{ reason: { code: 'held' as const, message: 'ann holds the app' }, wakeAt: 77 }]
  const seen = observing(after.compose, [container(before, 'web')])

  test('keeps an update waiting, with its reason, until it opens; nothing is touched before', () => {
    const input = planInput(underWay(after, before), seen, { gates })
    const result = planned(input)
    expect(result).toMatchObject({ operations: [], phase: 'waiting', wakeAt: 77 })
    expect(waits(result)).toEqual(['held: ann holds the app'])
    expect(result.begins).toBeUndefined()
    expect(turns({ ...input, gates: [] }).flat()).toContain('stop-container shop-web-1')
  })

  test('does not keep up what has begun, nor a deployment that touches nothing', () => {
    const record = underWay(after, before)
    const begun = { ...record, accepted: record.accepted && { ...record.accepted, begun: { at: 1, faulty: [] } } }
    expect(turns(planInput(begun, seen, { gates })).flat()).toContain('stop-container shop-web-1')
    const same = underWay({ ...before, generation: 3 }, before)
    expect(planned(planInput(same, seen, { gates }))).toMatchObject({ verdict: { outcome: 'succeeded' } })
  })

  test('keeps a removal waiting too', () => {
    const result = planned(planInput(underWay(removal(), before), seen, { gates }))
    expect(result).toMatchObject({ operations: [], phase: 'waiting', wakeAt: 77 })
  })
})

test('on the way back, what ends again and again is stopped while what takes its place is made', () => {
  const [before, after] = [
    assignment(serviceModel({ web: {} }), 1),
    assignment(serviceModel({ web: { init: true } }), 2),
  ]
  const record = underWay(after, before)
  const rollback = { reason: { code: 'crash-loop', message: 'it ends' }, at: 1 }
  const back = targetOf({ ...record, accepted: record.accepted && { ...record.accepted, rollback } })
  const looping = container(after, 'web', { state: 'restarting', restarts: 3 })
  const input = planInput(back, observing(after.compose, [looping]), { memory: emptyMemory(1, true) })
  expect(turns(input)).toEqual([
    ['create-container shop-web-1.next', 'stop-container shop-web-1'],
    ['start-container shop-web-1.next'],
    ['remove-container shop-web-1'],
    ['rename-container shop-web-1.next to shop-web-1'],
  ])
})
