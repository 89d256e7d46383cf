/** Networks and volumes: external ones, and those whose definition changed. */
import { describe, expect, test } from 'vitest'
import { emptyMemory } from '../../agent/reconcile/memory.ts'
import type { Observed, ObservedContainer } from '../../agent/reconcile/observed.ts'
import {
  networkName,
  ownerLabels,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../../agent/translate/engine-names.ts'
import { translateNetwork, translateVolume } from '../../agent/translate/network-spec.ts'
import type { Model } from '../../src/compose/model.ts'
import {
  afterTurn,
  app,
  assignment,
  committed,
  container,
  nothing,
  observing,
  owner,
  planInput,
  planned,
  removal,
  serviceModel,
  texts,
  turns,
  underWay,
  waits,
} from '../support/builders.ts'

/** As the engine is after a release: its networks and volumes bear the digests of their definitions. */
const madeBy = (model: Model, containers: readonly ObservedContainer[] = []): Observed => ({
  ...observing(model, containers),
  networks: usedNetworkKeys(model).map((key) => {
    const name = networkName(owner, app, model, key)
    return { id: name, name, labels: translateNetwork(owner, app, model, key).labels }
  }),
  volumes: usedVolumeKeys(model).map((key) => {
    const name = volumeName(owner, app, model, key)
    return { id: name, name, labels: translateVolume(owner, app, model, key).labels }
  }),
})

const subnet = (text: string): Partial<Model> => ({ networks: { default: { ipam: { config: [{ subnet: text }] } } } })
const foreign = (name: string) => ({ id: name, name, labels: {} })

describe('a network whose definition changed', () => {
  const services = { web: { depends_on: { db: { condition: 'service_started' as const } } }, db: {} }
  const before = assignment(serviceModel(services, subnet('10.9.0.0/24')), 1)
  const now = assignment(serviceModel(services, subnet('10.9.1.0/24')), 2)
  const running = () => [container(before, 'web'), container(before, 'db')]
  const input = planInput(underWay(now, before), madeBy(before.compose, running()))
  const renewal = [
    ['stop-container shop-web-1'],
    ['stop-container shop-db-1'],
    ['remove-network shop_default'],
    ['create-network shop_default'],
    ['create-container shop-db-1.next', 'create-container shop-web-1.next'],
    ['start-container shop-db-1.next'],
    ['remove-container shop-db-1', 'start-container shop-web-1.next'],
    ['rename-container shop-db-1.next to shop-db-1', 'remove-container shop-web-1'],
    ['rename-container shop-web-1.next to shop-web-1'],
  ]

  test('is made anew when what is on it has stopped, dependents first; then its services are', () => {
    expect(turns(input)).toEqual(renewal)
  })

  test('continues from every step after a crash of the agent', () => {
    let state = input
    for (let step = 0; step <= renewal.length; step += 1) {
      expect(turns({ ...state, memory: emptyMemory(2) })).toEqual(renewal.slice(step))
      state = afterTurn(state, planned(state))
    }
  })

  test('says why', () => {
    expect(planned(input).operations.map(({ cause }) => cause)).toEqual([
      'the definition of network shop_default changed',
    ])
  })

  test('is not touched before the images are here', () => {
    const other = assignment(serviceModel({ web: { image: 'none:1' } }, subnet('10.9.1.0/24')), 2)
    const state = planInput(
      { ...underWay(other, before), accepted: { deployment: other, at: 0, images: {} } },
      input.observed,
    )
    expect(texts(planned(state))).toEqual([])
  })

  test('is not touched while an external network is missing', () => {
    const model = serviceModel(
      { web: { networks: { default: {}, site: {} } }, db: {} },
      { networks: { ...subnet('10.9.1.0/24').networks, site: { external: true } } },
    )
    const result = planned(planInput(underWay(assignment(model, 2), before), input.observed))
    expect(texts(result)).toEqual([])
    expect(waits(result)).toEqual(['network-missing: external network site is not on the device'])
  })

  test('touches nothing that is on another network', () => {
    const model = (text: string) =>
      serviceModel({ web: { networks: { back: {} } }, db: {} }, { networks: { back: { driver_opts: { mtu: text } } } })
    const [old, next] = [assignment(model('1400'), 1), assignment(model('1500'), 2)]
    const state = planInput(underWay(next, old), madeBy(old.compose, [container(old, 'web'), container(old, 'db')]))
    expect(
      turns(state)
        .flat()
        .filter((text) => text.includes('db')),
    ).toEqual([])
  })

  test('stops what joined the network of a container on it', () => {
    const joining = (text: string) => serviceModel({ web: { network_mode: 'service:db' }, db: {} }, subnet(text))
    const [old, next] = [assignment(joining('10.9.0.0/24'), 1), assignment(joining('10.9.1.0/24'), 2)]
    const db = container(old, 'db')
    const state = planInput(underWay(next, old), madeBy(old.compose, [container(old, 'web', { joined: db.id }), db]))
    expect(turns(state).slice(0, 4)).toEqual(renewal.slice(0, 4))
  })

  test('carries anonymous volumes over, though the containers stop first', () => {
    const db = container(before, 'db', { anonymousVolumes: { '/data': 'v1' } })
    let state = planInput(underWay(now, before), madeBy(before.compose, [container(before, 'web'), db]))
    for (let step = 0; step < 4; step += 1) state = afterTurn(state, planned(state))
    expect(planned(state).operations[0]).toMatchObject({ spec: { mounts: [{ source: 'v1', target: '/data' }] } })
  })

  test('going back halfway connects the stopped containers to the network made anew, and starts them', () => {
    let state = input
    for (let step = 0; step < 4; step += 1) state = afterTurn(state, planned(state))
    const back = { ...before, generation: 3 }
    const order = turns({ ...state, record: underWay(back, before), memory: emptyMemory(3) })
    expect(order.slice(0, 5)).toEqual([
      ['remove-network shop_default'],
      ['create-network shop_default'],
      ['connect-network shop-db-1 to shop_default', 'connect-network shop-web-1 to shop_default'],
      ['allow-restart shop-db-1'],
      ['start-container shop-db-1'],
    ])
  })

  test('of an older agent, which wrote no digest, is left alone', () => {
    const state = planInput(underWay(now, before), observing(before.compose, running()))
    expect(
      turns(state)
        .flat()
        .filter((text) => text.includes('network')),
    ).toEqual([])
  })
})

describe('a network or volume that is external', () => {
  const model = serviceModel(
    { web: { networks: { site: {} }, volumes: [{ type: 'volume', source: 'films', target: '/films' }] } },
    { networks: { site: { external: true, name: 'plant' } }, volumes: { films: { external: true } } },
  )
  const there = { ...nothing, networks: [foreign('plant')], volumes: [foreign('films')] }

  test('is waited for, and never made', () => {
    const result = planned(planInput(underWay(assignment(model)), nothing))
    expect(texts(result)).toEqual([])
    expect(result.phase).toBe('waiting')
    expect(waits(result)).toEqual([
      'network-missing: external network plant is not on the device',
      'volume-missing: external volume films is not on the device',
    ])
  })

  test('is used whoever made it, under its own name', () => {
    const prefixed = { owner: { ...owner, namePrefix: 'x-' } }
    const other = { 'io.longshore.agent': 'other' }
    const state = planInput(
      underWay(assignment(model)),
      { ...there, networks: [{ ...foreign('plant'), labels: other }] },
      prefixed,
    )
    expect(turns(state)).toEqual([['create-container x-shop-web-1'], ['start-container x-shop-web-1']])
    expect(planned(state).operations[0]).toMatchObject({
      spec: {
        networking: { attachments: [{ network: 'plant' }] },
        mounts: [{ source: 'films' }],
      },
    })
  })

  test('is there when the app has gone, even if the app made it once', () => {
    const made = { id: 'plant', name: 'plant', labels: ownerLabels(owner, app) }
    const films = { id: 'films', name: 'films', labels: ownerLabels(owner, app) }
    const record = { ...committed(assignment(model)), ...underWay(removal(2, true), assignment(model)) }
    expect(turns(planInput(record, { ...nothing, networks: [made], volumes: [films] }))).toEqual([])
  })
})

describe('a volume whose definition changed', () => {
  const mounting = { web: { volumes: [{ type: 'volume' as const, source: 'data', target: '/d' }] } }
  const before = assignment(serviceModel(mounting, { volumes: { data: { driver_opts: { o: 'size=1m' } } } }), 1)
  const observed = madeBy(before.compose, [container(before, 'web')])
  const deployed = (rest: Partial<Model>) =>
    planned(planInput(underWay(assignment(serviceModel(mounting, rest), 2), before), observed))

  test('is waited for, and nothing is touched', () => {
    const result = deployed({ volumes: { data: { driver_opts: { o: 'size=2m' } } } })
    expect(texts(result)).toEqual([])
    expect(result.phase).toBe('waiting')
    expect(waits(result)).toEqual([
      'volume-changed: volume shop_data is on the device with another definition, and is not made anew: it holds data',
    ])
  })

  test('in its labels alone is used as it is', () => {
    const result = deployed({ volumes: { data: { driver_opts: { o: 'size=1m' }, labels: { a: 'b' } } } })
    expect(texts(result)).toEqual(['create-container shop-web-1.next'])
  })

  test('is made under another name', () => {
    const result = deployed({ volumes: { data: { driver_opts: { o: 'size=2m' }, name: 'data2' } } })
    expect(texts(result)).toEqual(['create-volume data2'])
  })
})

test('the network with the highest priority comes first', () => {
  const networks = { back: {}, front: { priority: 10 }, site: {} }
  const model = serviceModel({ web: { networks } }, { networks: { back: {}, front: {}, site: {} } })
  expect(turns(planInput(underWay(assignment(model)), madeBy(model)))).toEqual([
    ['create-container shop-web-1'],
    ['connect-network shop-web-1 to shop_back', 'connect-network shop-web-1 to shop_site'],
    ['start-container shop-web-1'],
  ])
})
