import { describe, expect, test } from 'vitest'
import { label } from '../../agent/translate/engine-names.ts'
import { stopTimeoutS, type TranslateInput, translateService } from '../../agent/translate/translate-service.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import { app, image, paths, serviceModel } from '../support/builders.ts'

const translate = (service: Partial<Service>, rest: Partial<Model> = {}, more: Partial<TranslateInput> = {}) => {
  const model = serviceModel({ web: service }, rest)
  return translateService({
    owner: { agent: 'gw-1', namePrefix: '' },
    app,
    model,
    name: 'web',
    service: { image, ...service },
    imageId: 'sha256:web',
    digest: 'd',
    generation: 3,
    release: 'r',
    cause: 'a test',
    number: 1,
    files: {},
    secretVersions: {},
    paths,
    ...more,
  })
}

test('a service with nothing but an image', () => {
  expect(translate({})).toEqual({
    imageId: 'sha256:web',
    labels: {
      [label.agent]: 'gw-1',
      [label.app]: 'shop',
      [label.service]: 'web',
      [label.number]: '1',
      [label.generation]: '3',
      [label.release]: 'r',
      [label.digest]: 'd',
      [label.cause]: 'a test',
    },
    environment: {},
    secretEnvironment: {},
    tty: false,
    stdinOpen: false,
    readOnly: false,
    tmpfs: {},
    capAdd: [],
    capDrop: [],
    securityOpt: [],
    ports: [],
    expose: [],
    mounts: [],
    networking: { kind: 'attached', attachments: [{ network: 'shop_default', aliases: ['web', 'shop-web-1'] }] },
    restart: { name: 'unless-stopped' },
  })
})

test('labels of the operator cannot take the place of ours', () => {
  expect(translate({ labels: { [label.agent]: 'gw-2', own: 'x' } }).labels).toMatchObject({
    [label.agent]: 'gw-1',
    own: 'x',
  })
})

describe('restart', () => {
  test.each([
    [undefined, { name: 'unless-stopped' }],
    ['always', { name: 'unless-stopped' }],
    ['unless-stopped', { name: 'unless-stopped' }],
    ['no', { name: 'no' }],
    ['on-failure', { name: 'on-failure' }],
    ['on-failure:3', { name: 'on-failure', maximumRetryCount: 3 }],
  ])('%s becomes %j', (restart, expected) => {
    expect(translate(restart === undefined ? {} : { restart }).restart).toEqual(expected)
  })

  test('a service that another waits for to complete is a job', () => {
    const model = serviceModel({
      web: {},
      api: { depends_on: { web: { condition: 'service_completed_successfully' } } },
    })
    expect(translate({}, {}, { model }).restart).toEqual({ name: 'no' })
  })
})

describe('networks', () => {
  const networks = { front: {}, back: { name: 'plant' } }
  test('are sorted, named and carry the aliases', () => {
    expect(translate({ networks: { front: { aliases: ['www'] }, back: {} } }, { networks }).networking).toEqual({
      kind: 'attached',
      attachments: [
        { network: 'plant', aliases: ['web', 'shop-web-1'] },
        { network: 'shop_front', aliases: ['web', 'shop-web-1', 'www'] },
      ],
    })
  })

  test('carry the prefix of an agent that shares its engine', () => {
    const prefixed = translate({ networks: { back: {} } }, { networks }, { owner: { agent: 'b', namePrefix: 'b-' } })
    expect(prefixed.networking).toEqual({
      kind: 'attached',
      attachments: [{ network: 'b-plant', aliases: ['web', 'b-shop-web-1'] }],
    })
  })

  test.each(['host', 'bridge', 'none'])('network_mode %s is given on', (network_mode) => {
    expect(translate({ network_mode }).networking).toEqual({ kind: 'mode', mode: network_mode })
  })

  test('what others link to is known by their alias on the networks of both', () => {
    const model = serviceModel(
      {
        web: { networks: { back: {}, front: {} } },
        api: { networks: { front: {} }, links: ['web:www', 'web'] },
      },
      { networks },
    )
    const { networking } = translate({ networks: { back: {}, front: {} } }, {}, { model })
    expect(networking).toMatchObject({
      attachments: [{ aliases: ['web', 'shop-web-1'] }, { aliases: ['web', 'shop-web-1', 'www'] }],
    })
  })

  test('modes and volumes of other services are those of their containers, and a label says which', () => {
    const joining = { pid: 'service:vpn', ipc: 'service:db', volumes_from: ['db', 'vpn:ro'] }
    const joined = translate(joining, {}, { joined: { vpn: 'v', db: 'd' } })
    expect(joined).toMatchObject({ pidMode: 'container:v', ipcMode: 'container:d', volumesFrom: ['d', 'v:ro'] })
    expect(joined.labels[label.joined]).toBe('d v')
  })

  test('network_mode service:X joins a container, and a label says which', () => {
    const joined = translate({ network_mode: 'service:vpn' }, {}, { joined: { vpn: 'v' } })
    expect(joined.networking).toEqual({ kind: 'joined', containerId: 'v' })
    expect(joined.labels[label.joined]).toBe('v')
  })
})

test('mounts of each type', () => {
  const { mounts } = translate(
    {
      volumes: [
        { type: 'volume', source: 'data', target: '/data', read_only: true, volume: { nocopy: true } },
        { type: 'bind', source: '/etc/x', target: '/x' },
        { type: 'bind', source: '/etc/y', target: '/y', bind: { create_host_path: false, propagation: 'rshared' } },
        { type: 'tmpfs', target: '/t', tmpfs: { size: 5, mode: 0o700 } },
      ],
    },
    { volumes: { data: {} } },
  )
  expect(mounts).toEqual([
    { type: 'volume', source: 'shop_data', target: '/data', readOnly: true, noCopy: true },
    { type: 'bind', source: '/etc/x', target: '/x', readOnly: false, createHostPath: true },
    { type: 'bind', source: '/etc/y', target: '/y', readOnly: false, createHostPath: false, propagation: 'rshared' },
    { type: 'tmpfs', target: '/t', sizeBytes: 5, mode: 0o700 },
  ])
})

test('anonymous volumes are carried where nothing else is mounted', () => {
  const { mounts } = translate(
    { volumes: [{ type: 'volume', source: 'data', target: '/data' }] },
    { volumes: { data: {} } },
    { carriedVolumes: { '/data': 'a1', '/cache': 'a2' } },
  )
  expect(mounts.map((mount) => mount.type === 'volume' && [mount.source, mount.target])).toEqual([
    ['shop_data', '/data'],
    ['a2', '/cache'],
  ])
})

test('an anonymous volume is the one that is carried, or a new one, and never both', () => {
  const service = { volumes: [{ type: 'volume' as const, target: '/data', read_only: true }] }
  const common = { type: 'volume', target: '/data', readOnly: true, noCopy: false }
  expect(translate(service).mounts).toEqual([common])
  expect(translate(service, {}, { carriedVolumes: { '/data': 'a1' } }).mounts).toEqual([{ ...common, source: 'a1' }])
})

test('a folder of a volume, and a tmpfs that cannot be written', () => {
  const { mounts } = translate(
    {
      volumes: [
        { type: 'volume', source: 'data', target: '/data', volume: { subpath: 'a/b' } },
        { type: 'tmpfs', target: '/t', read_only: true },
      ],
    },
    { volumes: { data: {} } },
  )
  expect(mounts).toEqual([
    { type: 'volume', source: 'shop_data', target: '/data', readOnly: false, noCopy: false, subpath: 'a/b' },
    { type: 'tmpfs', target: '/t', readOnly: true },
  ])
})

test('of a range of host ports, one', () => {
  const port = { target: 80, protocol: 'tcp' as const }
  expect(
    translate({
      ports: [
        { ...port, published: '3000-3005' },
        { ...port, published: 80 },
      ],
    }).ports,
  ).toEqual([
    { ...port, published: { from: 3000, to: 3005 } },
    { ...port, published: 80 },
  ])
})

test('limits stand in either place; the short form wins', () => {
  const limits = { deploy: { resources: { limits: { memory: 1, cpus: 0.5, pids: 7 } } } }
  expect(translate(limits)).toMatchObject({ memoryBytes: 1, cpus: 0.5, pidsLimit: 7 })
  expect(translate({ ...limits, mem_limit: 2, cpus: 1, pids_limit: 8 })).toMatchObject({
    memoryBytes: 2,
    cpus: 1,
    pidsLimit: 8,
  })
})

test('times are milliseconds, the stop time whole seconds, rounded up', () => {
  expect(
    translate({ healthcheck: { test: ['CMD', 'x'], interval: '1m30s', timeout: '500ms', retries: 0 } }).healthcheck,
  ).toEqual({
    test: ['CMD', 'x'],
    intervalMs: 90_000,
    timeoutMs: 500,
    retries: 0,
  })
  expect(translate({ stop_grace_period: '1500ms' }).stopTimeoutS).toBe(2)
  expect(stopTimeoutS({})).toBe(10)
})

test('tmpfs entries with and without options', () => {
  expect(translate({ tmpfs: ['/run', '/tmp:size=1m,mode=1777'] }).tmpfs).toEqual({
    '/run': '',
    '/tmp': 'size=1m,mode=1777',
  })
})

describe('devices', () => {
  test('of a path and of a name of CDI', () => {
    const devices = [
      { source: '/dev/a' },
      { source: '/dev/b', target: '/dev/c', permissions: 'r' },
      { source: 'v.com/c=d' },
    ]
    expect(translate({ devices })).toMatchObject({
      devices: [
        { source: '/dev/a', target: '/dev/a', permissions: 'rwm' },
        { source: '/dev/b', target: '/dev/c', permissions: 'r' },
      ],
      deviceRequests: [{ driver: 'cdi', count: 0, ids: ['v.com/c=d'], capabilities: [] }],
    })
  })

  test('a GPU asks for the capability, a reservation for what is written', () => {
    const reservations = { devices: [{ capabilities: ['tpu'], device_ids: ['0'] }] }
    expect(translate({ gpus: [{}, { count: 2 }], deploy: { resources: { reservations } } }).deviceRequests).toEqual([
      { driver: '', count: -1, ids: [], capabilities: ['gpu'], options: {} },
      { driver: '', count: 2, ids: [], capabilities: ['gpu'], options: {} },
      { driver: '', count: 0, ids: ['0'], capabilities: ['tpu'], options: {} },
    ])
  })
})

test('annotations are labels too, under those of the service', () => {
  const { labels, annotations } = translate({ annotations: { a: '1', b: '1' }, labels: { b: '2' } })
  expect(annotations).toEqual({ a: '1', b: '1' })
  expect(labels).toMatchObject({ a: '1', b: '2' })
})
