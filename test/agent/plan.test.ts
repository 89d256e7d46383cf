import { describe, expect, test } from 'vitest'
import { emptyMemory, rememberResults } from '../../agent/reconcile/memory.ts'
import type { PlanInput } from '../../agent/reconcile/plan-contract.ts'
import { label } from '../../agent/translate/engine-names.ts'
import type { Service } from '../../src/compose/model.ts'
import {
  afterTurn,
  assignment,
  committed,
  container,
  image,
  nothing,
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

const on = (other: string, condition: NonNullable<Service['depends_on']>[string]['condition'] = 'service_started') => ({
  depends_on: { [other]: { condition } },
})

describe('a first deployment', () => {
  test('makes networks and volumes, then every container, then starts them in dependency order', () => {
    const model = serviceModel(
      { web: on('db'), db: { volumes: [{ type: 'volume', source: 'data', target: '/data' }] } },
      { volumes: { data: {} } },
    )
    expect(turns(planInput(underWay(assignment(model)), nothing))).toEqual([
      ['create-network shop_default', 'create-volume shop_data'],
      ['create-container shop-db-1', 'create-container shop-web-1'],
      ['start-container shop-db-1'],
      ['start-container shop-web-1'],
    ])
  })

  test('starts what waits for nothing side by side', () => {
    const deployment = assignment(serviceModel({ a: {}, b: {}, c: {} }))
    expect(turns(planInput(underWay(deployment), observing(deployment.compose)))[1]).toHaveLength(3)
  })

  test('connects a second network before the start', () => {
    const model = serviceModel({ web: { networks: { back: {}, front: {} } } }, { networks: { back: {}, front: {} } })
    expect(turns(planInput(underWay(assignment(model)), nothing))).toEqual([
      ['create-network shop_back', 'create-network shop_front'],
      ['create-container shop-web-1'],
      ['connect-network shop-web-1 to shop_front'],
      ['start-container shop-web-1'],
    ])
  })

  test('a container that joins the network of another is made and started after it', () => {
    const deployment = assignment(serviceModel({ app: { network_mode: 'service:vpn' }, vpn: {} }))
    expect(turns(planInput(underWay(deployment), observing(deployment.compose)))).toEqual([
      ['create-container shop-vpn-1'],
      ['create-container shop-app-1'],
      ['start-container shop-vpn-1'],
      ['start-container shop-app-1'],
    ])
  })
})

describe('a dependency', () => {
  const plannedWith = (
    condition: 'service_started' | 'service_healthy' | 'service_completed_successfully',
    db: object,
  ) => {
    const deployment = assignment(serviceModel({ web: on('db', condition), db: {} }))
    const containers = [container(deployment, 'web', { state: 'created' }), container(deployment, 'db', db)]
    return planned(planInput(underWay(deployment), observing(deployment.compose, containers)))
  }
  test.each([
    ['service_started', {}, true],
    ['service_started', { state: 'restarting' }, false],
    ['service_healthy', { health: 'starting' }, false],
    ['service_healthy', { health: 'unhealthy' }, false],
    ['service_healthy', { health: 'none' }, false],
    ['service_healthy', { health: 'healthy' }, true],
    ['service_completed_successfully', {}, false],
    ['service_completed_successfully', { state: 'exited' }, true],
    ['service_completed_successfully', { state: 'exited', exitCode: 1 }, false],
  ] as const)('%s with %j: starts the service is %s', (condition, db, isStarted) => {
    const result = plannedWith(condition, db)
    expect(texts(result).includes('start-container shop-web-1')).toBe(isStarted)
    if (!isStarted) expect(waits(result)).toEqual([expect.stringMatching(/^dependency: service web waits for db/)])
  })

  test('that is not required and not there is not waited for', () => {
    const deployment = assignment(
      serviceModel({ web: { depends_on: { db: { condition: 'service_healthy', required: false } } } }),
    )
    const containers = [container(deployment, 'web', { state: 'created' })]
    const result = planned(planInput(underWay(deployment), observing(deployment.compose, containers)))
    expect(texts(result)).toEqual(['start-container shop-web-1'])
  })
})

describe('a changed service', () => {
  const before = assignment(serviceModel({ web: {}, db: {} }), 1)
  const after = assignment(serviceModel({ web: { environment: { A: '1' } }, db: {} }), 2)
  const input = (web = container(before, 'web')): PlanInput =>
    planInput(underWay(after, before), observing(after.compose, [web, container(before, 'db')]))
  const swap = [
    ['create-container shop-web-1.next'],
    ['stop-container shop-web-1'],
    ['start-container shop-web-1.next'],
    ['remove-container shop-web-1'],
    ['rename-container shop-web-1.next to shop-web-1'],
  ]

  test('is made beforehand and swapped step by step; what did not change is not touched', () => {
    expect(turns(input())).toEqual(swap)
  })

  test('continues from every step after a crash of the agent', () => {
    let state = input()
    for (let step = 0; step <= swap.length; step += 1) {
      const restarted = { ...state, memory: emptyMemory(2) }
      expect(turns(restarted)).toEqual(swap.slice(step))
      state = afterTurn(state, planned(state))
    }
  })

  test('says why', () => {
    expect(planned(input()).operations[0]?.cause).toBe('service web changed: environment')
  })

  test('carries anonymous volumes over', () => {
    const web = container(before, 'web', { anonymousVolumes: { '/data': 'v1' } })
    expect(planned(input(web)).operations[0]).toMatchObject({
      spec: { mounts: [{ type: 'volume', source: 'v1', target: '/data' }] },
    })
  })

  test('leaves behind an anonymous volume that the release no longer asks for', () => {
    const mounting = { volumes: [{ type: 'volume' as const, target: '/data' }] }
    const [old, next] = [assignment(serviceModel({ web: mounting }), 1), assignment(serviceModel({ web: {} }), 2)]
    const web = container(old, 'web', { anonymousVolumes: { '/data': 'v1', '/cache': 'v2' } })
    expect(planned(planInput(underWay(next, old), observing(next.compose, [web]))).operations[0]).toMatchObject({
      spec: { mounts: [{ source: 'v2', target: '/cache' }] },
    })
  })

  test('a stale container in the place of the new one is removed, never used', () => {
    const stale = container(assignment(serviceModel({ web: { environment: { A: '0' } }, db: {} }), 9), 'web', {
      name: 'shop-web-1.next',
      state: 'created',
    })
    const state = input()
    const observed = { ...state.observed, containers: [...state.observed.containers, stale] }
    expect(turns({ ...state, observed })).toEqual([['remove-container shop-web-1.next'], ...swap])
  })

  test('a stale one that runs is stopped first', () => {
    const stale = container(assignment(serviceModel({ web: { environment: { A: '0' } }, db: {} }), 9), 'web', {
      name: 'shop-web-1.next',
    })
    const state = input()
    const observed = { ...state.observed, containers: [...state.observed.containers, stale] }
    expect(turns({ ...state, observed }).slice(0, 3)).toEqual([
      ['stop-container shop-web-1.next'],
      ['remove-container shop-web-1.next'],
      ['create-container shop-web-1.next'],
    ])
  })

  test('whose dependency changed too is swapped after it', () => {
    const both = assignment(
      serviceModel({ web: { environment: { A: '1' }, ...on('db') }, db: { environment: { B: '1' } } }),
      2,
    )
    const state = planInput(
      underWay(both, before),
      observing(both.compose, [container(before, 'web'), container(before, 'db')]),
    )
    const order = turns(state).flat()
    expect(order.indexOf('start-container shop-db-1.next')).toBeLessThan(order.indexOf('stop-container shop-web-1'))
  })

  test('going back to the release before touches nothing more', () => {
    const back = { ...before, generation: 3 }
    const state = planInput(
      underWay(back, before),
      observing(back.compose, [container(before, 'web'), container(before, 'db')]),
    )
    expect(turns(state)).toEqual([])
  })

  test.each([{ pid: 'service:vpn' }, { ipc: 'service:vpn' }, { volumes_from: ['vpn:ro'] }])(
    'a service with %j of a replaced one is made anew, and not before',
    (joining) => {
      const old = assignment(serviceModel({ app: joining, vpn: { ipc: 'shareable' } }), 1)
      const vpn = container(old, 'vpn')
      const follower = container(old, 'app', { joined: vpn.id })
      expect(turns(planInput(committed(old), observing(old.compose, [vpn, follower])))).toEqual([])
      const next = assignment(serviceModel({ app: joining, vpn: { ipc: 'shareable', user: '1' } }), 2)
      const order = turns(planInput(underWay(next, old), observing(next.compose, [vpn, follower]))).flat()
      expect(order.slice(0, 2)).toEqual(['create-container shop-vpn-1.next', 'create-container shop-app-1.next'])
      expect(order.indexOf('start-container shop-vpn-1.next')).toBeLessThan(
        order.indexOf('start-container shop-app-1.next'),
      )
    },
  )

  test('volumes of another service are not carried over as its own', () => {
    const old = assignment(serviceModel({ app: { volumes_from: ['vpn'] }, vpn: {} }), 1)
    const vpn = container(old, 'vpn', { anonymousVolumes: { '/data': 'f'.repeat(64) } })
    const follower = container(old, 'app', {
      joined: vpn.id,
      anonymousVolumes: { '/data': 'f'.repeat(64), '/own': 'e'.repeat(64) },
    })
    const next = assignment(serviceModel({ app: { volumes_from: ['vpn'], user: '1' }, vpn: {} }), 2)
    const { operations } = planned(planInput(underWay(next, old), observing(next.compose, [vpn, follower])))
    expect(operations[0]).toMatchObject({ spec: { mounts: [{ source: 'e'.repeat(64), target: '/own' }] } })
  })

  test('a service that joins the network of a replaced one is made anew', () => {
    const old = assignment(serviceModel({ app: { network_mode: 'service:vpn' }, vpn: {} }), 1)
    const next = assignment(serviceModel({ app: { network_mode: 'service:vpn' }, vpn: { environment: { A: '1' } } }), 2)
    const vpn = container(old, 'vpn')
    const order = turns(
      planInput(underWay(next, old), observing(next.compose, [vpn, container(old, 'app', { joined: vpn.id })])),
    )
    expect(order.slice(0, 2)).toEqual([['create-container shop-vpn-1.next'], ['create-container shop-app-1.next']])
    expect(order.flat().slice(-2)).toContain('rename-container shop-app-1.next to shop-app-1')
    expect(order.flat().indexOf('start-container shop-vpn-1.next')).toBeLessThan(
      order.flat().indexOf('start-container shop-app-1.next'),
    )
  })
})

describe('a service that the release no longer has', () => {
  const before = assignment(
    serviceModel({ web: {}, old: { ports: [{ target: 80, published: 80, protocol: 'tcp' }] } }),
    1,
  )
  const after = assignment(serviceModel({ web: {} }), 2)
  const containers = [container(before, 'web'), container(before, 'old')]

  test('runs on until the new release has proved itself', () => {
    expect(turns(planInput(underWay(after, before), observing(after.compose, containers)))).toEqual([])
    expect(turns(planInput(committed(after), observing(after.compose, containers)))).toEqual([
      ['stop-container shop-old-1'],
      ['remove-container shop-old-1'],
    ])
  })

  test('makes way at once when it holds a port that a new one needs', () => {
    const taking = assignment(
      serviceModel({ web: {}, new: { ports: [{ target: 80, published: 80, protocol: 'tcp' }] } }),
      2,
    )
    const order = turns(planInput(underWay(taking, before), observing(taking.compose, containers)))
    expect(order).toEqual([
      ['create-container shop-new-1'],
      ['stop-container shop-old-1'],
      ['start-container shop-new-1'],
    ])
  })

  test('makes way at once when it holds the name that a new one needs', () => {
    const named = assignment(serviceModel({ old: { container_name: 'pump' } }), 1)
    const taking = assignment(serviceModel({ new: { container_name: 'pump' } }), 2)
    const order = turns(
      planInput(underWay(taking, named), observing(taking.compose, [container(named, 'old', { name: 'pump' })])),
    )
    expect(order.slice(0, 4)).toEqual([
      ['create-container pump.next'],
      ['stop-container pump'],
      ['start-container pump.next'],
    ])
  })

  test('its network goes after it', () => {
    const wide = assignment(serviceModel({ web: {}, old: { networks: { side: {} } } }, { networks: { side: {} } }), 1)
    const observed = observing(wide.compose, [container(wide, 'web')])
    expect(turns(planInput(committed(after), observed))).toEqual([['remove-network shop_side']])
  })
})

describe('a container that ended after the commit', () => {
  const deployment = assignment(serviceModel({ web: {} }))
  const ended = container(deployment, 'web', { state: 'exited', exitCode: 137 })
  const input = planInput(committed(deployment), observing(deployment.compose, [ended]))

  test('is started again at once, then with growing pauses', () => {
    let state = input
    const pauses: number[] = []
    for (let round = 0; round < 4; round += 1) {
      const first = planned(state)
      if (first.operations.length === 0) {
        expect(first.phase).toBe('degraded')
        pauses.push((first.wakeAt ?? 0) - state.now)
        state = { ...state, now: first.wakeAt ?? 0 }
      }
      const result = planned(state)
      expect(texts(result)).toEqual(['start-container shop-web-1'])
      state = { ...afterTurn(state, result), observed: input.observed }
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000])
  })

  test('is left alone while the engine restarts it', () => {
    const restarting = container(deployment, 'web', { state: 'restarting', exitCode: 1 })
    const result = planned(planInput(committed(deployment), observing(deployment.compose, [restarting])))
    expect(result).toMatchObject({ operations: [], phase: 'degraded', reason: { code: 'crash-loop' } })
  })

  test('is made anew when it is dead', () => {
    const dead = container(deployment, 'web', { state: 'dead' })
    const order = turns(planInput(committed(deployment), observing(deployment.compose, [dead])))
    expect(order.flat()).toContain('start-container shop-web-1.next')
    expect(order.flat().at(-1)).toBe('rename-container shop-web-1.next to shop-web-1')
  })

  test('is made anew when somebody removed it', () => {
    expect(turns(planInput(committed(deployment), observing(deployment.compose)))).toEqual([
      ['create-container shop-web-1'],
      ['start-container shop-web-1'],
    ])
  })

  test('a job that is done is not started again', () => {
    const job = assignment(serviceModel({ job: { restart: 'no' } }))
    const done = container(job, 'job', { state: 'exited', restartPolicy: 'no' })
    const result = planned(planInput(committed(job), observing(job.compose, [done])))
    expect(result).toMatchObject({ operations: [], phase: 'completed' })
  })
})

describe('the verdict', () => {
  const deployment = assignment(serviceModel({ web: { deploy: { update_config: { monitor: '5s' } } } }))
  const observed = (changes = {}) => observing(deployment.compose, [container(deployment, 'web', changes)])
  const watching = planInput(underWay(deployment), observed())

  test('is success after the services were as wanted for the monitor time', () => {
    const first = planned(watching)
    expect(first).toMatchObject({ phase: 'verifying', wakeAt: watching.now + 5_000, operations: [] })
    expect(first.verdict).toBeUndefined()
    const early = planned({ ...watching, memory: first.memory, now: watching.now + 4_999 })
    expect(early.verdict).toBeUndefined()
    const late = planned({ ...watching, memory: early.memory, now: watching.now + 5_000 })
    expect(late).toMatchObject({ phase: 'running', verdict: { outcome: 'succeeded' } })
  })

  test('begins its window anew when a service was unhealthy', () => {
    const first = planned(watching)
    const second = planned({
      ...watching,
      memory: first.memory,
      observed: observed({ health: 'unhealthy' }),
      now: watching.now + 4_000,
    })
    const third = planned({ ...watching, memory: second.memory, now: watching.now + 6_000 })
    expect(third).toMatchObject({ phase: 'verifying', wakeAt: watching.now + 11_000 })
  })

  test.each([
    ['an exit', { state: 'exited', exitCode: 3 }, 'exited'],
    ['an exit that the engine is mending', { state: 'restarting', exitCode: 3 }, 'crash-loop'],
    ['an exit that the engine mended', { restarts: 1 }, 'exited'],
  ])('is failure after %s in the window', (_name, changes, code) => {
    const first = planned(watching)
    const second = planned({
      ...watching,
      memory: first.memory,
      observed: observed(changes),
      now: watching.now + 1_000,
    })
    expect(second.verdict).toMatchObject({ outcome: 'failed', reason: { code } })
  })

  test('waits for health until the deadline', () => {
    const slow = assignment(
      serviceModel(
        { web: { healthcheck: { test: ['CMD', 'true'] } } },
        { 'x-longshore': { update: { deadline: '30s' } } },
      ),
    )
    const input = planInput(underWay(slow), observing(slow.compose, [container(slow, 'web', { health: 'starting' })]))
    const first = planned(input)
    expect(first).toMatchObject({ phase: 'verifying', wakeAt: input.now + 30_000 })
    const late = planned({ ...input, memory: first.memory, now: input.now + 30_000 })
    expect(late.verdict).toMatchObject({ outcome: 'failed', reason: { code: 'deadline-exceeded' } })
  })

  test.each([
    [0, 'succeeded'],
    [2, 'failed'],
  ])('of a job that ended with %i is %s, with no monitor time', (exitCode, outcome) => {
    const job = assignment(serviceModel({ job: { restart: 'no' } }))
    const ended = container(job, 'job', { state: 'exited', restartPolicy: 'no', exitCode })
    expect(planned(planInput(underWay(job), observing(job.compose, [ended]))).verdict?.outcome).toBe(outcome)
  })

  test('comes once', () => {
    expect(planned({ ...watching, record: committed(deployment), now: 9_999_999 }).verdict).toBeUndefined()
  })

  test('of a first release that failed does not stop the agent from starting it again', () => {
    const record = committed(deployment)
    const failed = {
      ...record,
      ...(record.accepted && { accepted: { ...record.accepted, verdict: { outcome: 'failed' as const, at: 0 } } }),
    }
    const result = planned({ ...watching, record: failed, observed: observed({ state: 'exited', exitCode: 1 }) })
    expect(texts(result)).toEqual(['start-container shop-web-1'])
    expect(result.phase).toBe('failed')
  })
})

describe('images', () => {
  const using = (pull_policy?: 'always' | 'missing' | 'never') => {
    const deployment = assignment(serviceModel({ web: pull_policy === undefined ? {} : { pull_policy } }))
    const record = underWay(deployment)
    return planInput(
      { ...record, ...(record.accepted && { accepted: { ...record.accepted, images: {} } }) },
      observing(deployment.compose),
    )
  }
  const failed = (retryAt = 5_000_000) => ({
    [image]: { state: 'failed' as const, reason: { code: 'image-pull-failed' as const, message: 'no route' }, retryAt },
  })

  test('an id that is known and still here is used as it is', () => {
    const deployment = assignment(serviceModel({ web: {} }))
    const result = planned(planInput(underWay(deployment), observing(deployment.compose), { images: {} }))
    expect(result.operations[0]).toMatchObject({ spec: { imageId: 'sha256:web' } })
    expect(result.images).toBeUndefined()
  })

  test('a local one is resolved once, and that is to be stored', () => {
    expect(planned(using())).toMatchObject({ images: { [image]: 'sha256:web' }, pulls: [] })
  })

  test('a missing one is pulled', () => {
    expect(planned({ ...using(), images: { [image]: null } })).toMatchObject({
      phase: 'pulling',
      pulls: [image],
      operations: [],
    })
  })

  test('a pull that failed is waited for, with its reason and time', () => {
    const result = planned({ ...using(), images: { [image]: null }, pulls: failed() })
    expect(result).toMatchObject({ phase: 'waiting', pulls: [image], wakeAt: 5_000_000, operations: [] })
    expect(waits(result)).toEqual(['image-pull-failed: no route'])
  })

  test('never: what is not here is waited for and not pulled', () => {
    const result = planned({ ...using('never'), images: { [image]: null } })
    expect(result).toMatchObject({ phase: 'waiting', pulls: [], operations: [] })
    expect(waits(result)).toEqual([expect.stringMatching(/^image-missing/)])
  })

  test('always: asks although it is here, uses what came, and falls back to the local one', () => {
    expect(planned(using('always'))).toMatchObject({ phase: 'pulling', pulls: [image], operations: [] })
    const done = { [image]: { state: 'done' as const, imageId: 'sha256:came' } }
    expect(planned({ ...using('always'), pulls: done }).images).toEqual({ [image]: 'sha256:came' })
    expect(planned({ ...using('always'), pulls: failed() }).images).toEqual({ [image]: 'sha256:web' })
  })

  test('what was pulled is used by its id: by its name it may not be found', () => {
    const pulls = { [image]: { state: 'done' as const, imageId: 'sha256:came' } }
    expect(planned({ ...using(), images: { [image]: null }, pulls }).images).toEqual({ [image]: 'sha256:came' })
  })

  test('what was pulled and is gone again is pulled again', () => {
    const deployment = assignment(serviceModel({ web: {} }))
    const result = planned(
      planInput(underWay(deployment), observing(deployment.compose), {
        images: { 'sha256:web': null, [image]: null },
        pulls: { [image]: { state: 'done', imageId: 'sha256:web' } },
      }),
    )
    expect(result).toMatchObject({ phase: 'pulling', pulls: [image] })
  })

  test('one of another platform is pulled as if it were not here, and is the reason while nothing better comes', () => {
    const misfits = { [image]: { code: 'wrong-platform' as const, message: 'it is for linux/arm64' } }
    const input = { ...using(), images: { [image]: null }, misfits }
    expect(planned(input)).toMatchObject({ phase: 'pulling', pulls: [image] })
    expect(waits(planned({ ...input, pulls: failed() }))).toEqual(['wrong-platform: it is for linux/arm64; no route'])
    const never = { ...using('never'), images: { [image]: null }, misfits }
    expect(waits(planned(never))).toEqual(['wrong-platform: it is for linux/arm64'])
  })

  test('always: asks once a generation', () => {
    const deployment = assignment(serviceModel({ web: { pull_policy: 'always' } }))
    expect(planned(planInput(underWay(deployment), observing(deployment.compose))).pulls).toEqual([])
  })

  test('an id that is known but gone is resolved again', () => {
    const deployment = assignment(serviceModel({ web: {} }))
    const input = planInput(underWay(deployment), observing(deployment.compose), {
      images: { 'sha256:web': null, [image]: 'sha256:other' },
    })
    expect(planned(input).images).toEqual({ [image]: 'sha256:other' })
  })

  test('the release before runs on while the new one is pulled, and is started again when it ends', () => {
    const before = assignment(serviceModel({ web: {} }), 1)
    const after = assignment(serviceModel({ web: { image: 'web:2' } }), 2)
    const record = underWay(after, before)
    const pulling = { ...record, ...(record.accepted && { accepted: { ...record.accepted, images: {} } }) }
    const input = (state: 'running' | 'exited') =>
      planInput(pulling, observing(after.compose, [container(before, 'web', { state })]), { images: { 'web:2': null } })
    expect(texts(planned(input('running')))).toEqual([])
    expect(texts(planned(input('exited')))).toEqual(['start-container shop-web-1'])
  })
})

describe('an object of the same name that is not ours', () => {
  const before = assignment(serviceModel({ web: {} }), 1)
  const model = serviceModel(
    { web: { networks: { side: {} }, volumes: [{ type: 'volume', source: 'data', target: '/d' }] } },
    { networks: { side: {} }, volumes: { data: {} } },
  )
  const input = (kind: 'networks' | 'volumes', name: string, labels: Record<string, string>) => {
    const observed = observing(model, [container(before, 'web')])
    return planInput(underWay(assignment(model, 2), before), {
      ...observed,
      [kind]: observed[kind].map((object) => (object.name === name ? { ...object, labels } : object)),
    })
  }

  test.each([
    ['networks', 'shop_side', {}, 'name-in-use: network shop_side exists and is not of Longshore'],
    ['volumes', 'shop_data', {}, 'name-in-use: volume shop_data exists and is not of Longshore'],
    [
      'networks',
      'shop_side',
      { [label.agent]: 'gw-2', [label.app]: 'shop' },
      'name-taken: network shop_side belongs to app shop of agent gw-2',
    ],
  ] as const)('in %s keeps the update waiting and nothing is touched', (kind, name, labels, text) => {
    const result = planned(input(kind, name, labels))
    expect(result).toMatchObject({ phase: 'waiting', operations: [] })
    expect(waits(result)).toEqual([text])
  })
})

describe('an operation that failed', () => {
  const deployment = assignment(serviceModel({ web: {} }))
  const created = container(deployment, 'web', { state: 'created' })
  const input = planInput(underWay(deployment), observing(deployment.compose, [created]))
  const failing = (state: PlanInput) => ({
    ...state,
    memory: rememberResults(
      planned(state).memory,
      planned(state).operations.map((operation) => ({
        operation,
        failure: { code: 'port-in-use' as const, message: 'port 80 is taken' },
      })),
      state.now,
    ),
  })

  test('is a wait until its time has come', () => {
    const result = planned(failing(input))
    expect(result).toMatchObject({ phase: 'waiting', operations: [], wakeAt: input.now + 1_000 })
    expect(waits(result)).toEqual(['port-in-use: port 80 is taken'])
  })

  test('a start that failed is tried again with a container made anew', () => {
    const later = { ...failing(input), now: input.now + 1_000 }
    expect(turns(later)).toEqual([
      ['remove-container shop-web-1'],
      ['create-container shop-web-1'],
      ['start-container shop-web-1'],
    ])
  })

  test('a newer deployment begins with a clean sheet', () => {
    const newer = { ...underWay({ ...deployment, generation: 2 }) }
    expect(texts(planned({ ...failing(input), record: newer }))).toEqual(['start-container shop-web-1'])
  })
})

describe('a removal', () => {
  const model = serviceModel(
    { web: on('db'), db: { volumes: [{ type: 'volume', source: 'data', target: '/data' }] } },
    { volumes: { data: {} } },
  )
  const before = assignment(model, 1)
  const observed = observing(model, [container(before, 'web'), container(before, 'db')])
  const stops = [
    ['stop-container shop-web-1'],
    ['stop-container shop-db-1', 'remove-container shop-web-1'],
    ['remove-container shop-db-1'],
  ]

  test('takes containers in reverse order, then networks; volumes stay', () => {
    expect(turns(planInput(underWay(removal(), before), observed))).toEqual([...stops, ['remove-network shop_default']])
  })

  test('takes the volumes too when it says so', () => {
    expect(turns(planInput(underWay(removal(2, true), before), observed))).toEqual([
      ...stops,
      ['remove-network shop_default', 'remove-volume shop_data'],
    ])
  })

  test('touches no network and no volume of somebody else', () => {
    const foreign = { ...observed, networks: [{ id: 'n', name: 'shop_other', labels: {} }], containers: [] }
    const others = { ...foreign, volumes: [{ id: 'v', name: 'shop_other', labels: { [label.agent]: 'gw-2' } }] }
    expect(turns(planInput(underWay(removal(2, true), before), others))).toEqual([])
  })

  test('succeeds when nothing is left, once', () => {
    const record = underWay(removal(), before)
    const result = planned(planInput(record, nothing))
    expect(result).toMatchObject({ phase: 'removed', verdict: { outcome: 'succeeded' } })
    const done = {
      ...record,
      ...(record.accepted && { accepted: { ...record.accepted, verdict: { outcome: 'succeeded' as const, at: 0 } } }),
    }
    expect(planned(planInput(done, nothing)).verdict).toBeUndefined()
  })
})

test('the same input gives the same plan, whatever the order of services and containers', () => {
  const one = assignment(serviceModel({ a: {}, b: {}, c: on('a') }))
  const other = { ...one, compose: serviceModel({ c: on('a'), b: {}, a: {} }) }
  expect(turns(planInput(underWay(one), nothing))).toEqual(turns(planInput(underWay(other), nothing)))
})
