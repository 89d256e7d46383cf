import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { type AcceptInput, accept } from '../../agent/reconcile/accept.ts'
import { type AppRecord, emptyRecord } from '../../agent/store/app-record.ts'
import type { ReleaseFile } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { app, assignment, committed, image, owner, removal, serviceModel, underWay } from '../support/builders.ts'
import { allFeatures } from '../support/hardware.ts'

import { packFiles } from '../support/models.ts'
import { siteOf } from '../support/sites.ts'

const model = serviceModel({ web: {} })
const inputOf = (message: object | Uint8Array, rest: Partial<AcceptInput> = {}): AcceptInput => ({
  device: owner.agent,
  app,
  payload: message instanceof Uint8Array ? message : writePayload(message),
  maxBytes: 256 * 1024,
  record: emptyRecord(app),
  others: [],
  generationFloor: 0,
  keepReleases: 3,
  policy: policyInForce(),
  deviceFeatures: allFeatures,
  now: 5,
  ...rest,
})
const judge = (message: object | Uint8Array, rest: Partial<AcceptInput> = {}) => accept(inputOf(message, rest))
const refusal = (message: object | Uint8Array, rest: Partial<AcceptInput> = {}) => {
  const judged = judge(message, rest)
  return judged.kind === 'refused' ? judged.record.refused : judged.kind
}

/** A message whose release is that of its content, however wrong that is. */
const carrying = (compose: object) => ({
  ...assignment(model),
  compose,
  release: releaseDigest({ compose, files: {} }),
})

test('privileged is for the device to allow', () => {
  const asking = carrying(serviceModel({ api: {}, web: { privileged: true } }))
  expect(refusal(asking)).toMatchObject({
    outcome: 'rejected',
    generation: 1,
    reason: {
      code: 'policy-refused',
      path: 'compose.services.web.privileged',
      message:
        'service web asks for privileged, which this device does not allow; its policy would need privileged: true',
    },
  })
  expect(refusal(asking, { policy: policyInForce({ privileged: true }) })).toBe('accepted')
})

test('where it does not belong, and what it cannot have, is refused with what there is', () => {
  const asking = (service: object) => carrying(serviceModel({ web: service }))
  const placed = asking({ deploy: { placement: { constraints: ['node.labels.line == 3'] } } })
  expect(refusal(placed, { site: siteOf() })).toMatchObject({
    outcome: 'rejected',
    reason: {
      code: 'placement',
      message: 'service web belongs where node.labels.line == 3; this device has no label line',
    },
  })
  expect(refusal(placed, { site: siteOf({ labels: { line: '3' } }) })).toBe('accepted')
  expect(refusal(asking({ gpus: [{}] }), { site: siteOf() })).toMatchObject({
    outcome: 'rejected',
    reason: { code: 'gpu-missing', message: 'service web asks for a GPU, and this device has none' },
  })
  // What the engine can do is not known: the container is not made before it is.
  expect(refusal(asking({ gpus: [{}] }), { site: siteOf({ engine: undefined }) })).toBe('accepted')
  const forbidden = { policy: policyInForce({ gpus: false }), site: siteOf() }
  expect(refusal(asking({ 'x-longshore': { gpu: {} } }), forbidden)).toMatchObject({
    reason: { code: 'policy-refused', path: 'compose.services.web.x-longshore.gpu' },
  })
})

test('a deployment is accepted, and what it says is kept', () => {
  const judged = judge(assignment(model, 7))
  expect(judged).toMatchObject({
    kind: 'accepted',
    record: { generationSeen: 7, accepted: { deployment: { generation: 7, compose: model }, at: 5, images: {} } },
  })
})

describe('refused is', () => {
  test.each([
    ['too many bytes', assignment(model), { maxBytes: 10 }, 'payload-too-large', undefined],
    ['what is not JSON', Buffer.from('{'), {}, 'payload-not-json', undefined],
    ['what is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), {}, 'payload-not-json', undefined],
    ['another schema', { ...assignment(model), schema: 2 }, {}, 'schema-unsupported', 'schema'],
    ['a missing field', { ...assignment(model), generation: undefined }, {}, 'message-invalid', 'generation'],
    ['a generation that is no number', { ...assignment(model), generation: '1' }, {}, 'message-invalid', 'generation'],
    ['the message for another device', { ...assignment(model), device: 'gw-2' }, {}, 'device-mismatch', 'device'],
    ['the message for another app', assignment({ ...model, name: 'till' }), {}, 'app-mismatch', 'app'],
    [
      'a release that is not its content',
      { ...assignment(model), compose: serviceModel({ db: {} }) },
      {},
      'release-mismatch',
      'release',
    ],
    [
      'a key that is not supported',
      carrying(serviceModel({ web: { cpu_count: 1 } })),
      {},
      'key-unsupported',
      'compose.services.web.cpu_count',
    ],
    [
      'a value of the wrong type',
      carrying({ name: app, services: { web: { image: 1 } } }),
      {},
      'value-invalid',
      'compose.services.web.image',
    ],
    [
      'an image that does not parse',
      carrying(serviceModel({ web: { image: 'A B' } })),
      {},
      'image-invalid',
      'compose.services.web.image',
    ],
    [
      'a circle',
      carrying(
        serviceModel({
          a: { depends_on: { b: { condition: 'service_started' } } },
          b: { depends_on: { a: { condition: 'service_started' } } },
        }),
      ),
      {},
      'dependency-cycle',
      'compose.services.a.depends_on',
    ],
  ] as const)('%s, as %j', (_name, message, rest, code, path) => {
    expect(refusal(message, rest)).toMatchObject({
      outcome: 'rejected',
      reason: { code, ...(path && { path }) },
      at: 5,
    })
  })

  const withFiles = (files: Record<string, ReleaseFile>, compose = model) => ({
    ...assignment(compose),
    files,
    release: releaseDigest({ compose, files }),
  })

  test('a file whose content has another digest', () => {
    const files = { 'a.conf': { sha256: 'a'.repeat(64), mode: '0644', content: 'YQ==' } }
    expect(refusal(withFiles(files))).toMatchObject({
      outcome: 'rejected',
      reason: { code: 'file-mismatch', path: 'files.a.conf' },
    })
  })

  test('a file in what is a file', () => {
    expect(refusal(withFiles(packFiles({ a: '1', 'a/b': '2' })))).toMatchObject({
      reason: { code: 'file-mismatch', path: 'files.a/b' },
    })
  })

  test.each([
    '../a',
    '/a',
    'a/../../b',
    'a//b',
    './a',
    'a/.',
    '',
    'a\0b',
    'a\nb',
    'x'.repeat(1025),
    `${'x'.repeat(256)}/a`,
  ])('a file that would stand at %j', (path) => {
    expect(refusal(withFiles(packFiles({ [path]: '1' })))).toMatchObject({
      outcome: 'rejected',
      reason: { code: 'message-invalid' },
    })
  })

  test('a config whose file does not come along', () => {
    const compose = serviceModel(
      { web: { configs: [{ source: 'app', target: '/app' }] } },
      { configs: { app: { file: './app.toml' } } },
    )
    expect(refusal(withFiles({}, compose))).toMatchObject({
      reason: { code: 'file-missing', path: 'compose.configs.app' },
    })
  })

  test.each([
    ['a generation lower than accepted', committed(assignment(model, 9)), 8, {}],
    ['a generation lower than seen before a removal', { ...emptyRecord(app), generationSeen: 9 }, 8, {}],
    ['a generation lower than reported before the state was lost', emptyRecord(app), 8, { generationFloor: 9 }],
  ])('%s, as stale', (_name, record, generation, rest) => {
    expect(refusal(assignment(serviceModel({ db: {} }), generation), { record, ...rest })).toMatchObject({
      outcome: 'stale',
      generation,
      reason: { code: 'stale', path: 'generation' },
    })
  })

  test('a host port that another app has', () => {
    const port = { ports: [{ target: 80, published: 8080, protocol: 'tcp' as const }] }
    const other: AppRecord = { ...underWay(assignment({ ...serviceModel({ db: port }), name: 'till' })), app: 'till' }
    const message = assignment(serviceModel({ web: port }), 2)
    expect(refusal(message, { others: [other] })).toMatchObject({
      outcome: 'conflict',
      generation: 2,
      release: message.release,
      reason: { code: 'port-claimed', path: 'compose.services.web.ports' },
    })
    const gone: AppRecord = { ...underWay({ ...removal(3), app: 'till' }), app: 'till' }
    expect(judge(message, { others: [gone] }).kind).toBe('accepted')
  })

  test.each([
    ['8080-8085', '8085-8090', 'accepted'],
    [8080, '8079-8081', 'refused'],
    ['8079-8081', 8080, 'refused'],
  ] as const)('of host ports %s, another app has %s: %s', (published, held, expected) => {
    const port = (one: number | string) => ({ ports: [{ target: 80, published: one, protocol: 'tcp' as const }] })
    const till = assignment({ ...serviceModel({ db: port(held) }), name: 'till' })
    const other: AppRecord = { ...underWay(till), app: 'till' }
    expect(judge(assignment(serviceModel({ web: port(published) }), 2), { others: [other] }).kind).toBe(expected)
  })

  test('a container name that another app has', () => {
    const named = { container_name: 'pump' }
    const other: AppRecord = { ...underWay(assignment({ ...serviceModel({ db: named }), name: 'till' })), app: 'till' }
    expect(refusal(assignment(serviceModel({ web: named })), { others: [other] })).toMatchObject({
      outcome: 'conflict',
      reason: { code: 'name-claimed', path: 'compose.services.web.container_name' },
    })
  })
})

describe('the order of deployments', () => {
  const first = assignment(model, 5)
  const record = committed(first)

  test('the same again is known, also without its reading', () => {
    expect(judge(first, { record })).toEqual({ kind: 'known' })
    expect(judge(removal(6), { record: underWay(removal(6)) })).toEqual({ kind: 'known' })
  })

  test('the same generation of another release: issuedAt decides, then the release', () => {
    const other = assignment(serviceModel({ db: {} }), 5)
    expect(judge({ ...other, issuedAt: 6 }, { record }).kind).toBe('accepted')
    expect(refusal({ ...other, issuedAt: 4 }, { record })).toMatchObject({ outcome: 'stale' })
    const isLater = other.release > first.release
    expect(judge({ ...other, issuedAt: first.issuedAt }, { record }).kind).toBe(isLater ? 'accepted' : 'refused')
  })

  test('the same release with a higher generation keeps its images; what failed does not', () => {
    expect(judge({ ...first, generation: 6 }, { record })).toMatchObject({
      record: { accepted: { images: { [image]: 'sha256:web' } } },
    })
    expect(judge({ ...first, generation: 6 }, { record: underWay(first) })).toMatchObject({
      record: { accepted: { images: {} } },
    })
  })

  test('`pull_policy: always` asks again for the same release', () => {
    const asking = assignment(serviceModel({ web: { pull_policy: 'always' } }), 5)
    expect(judge({ ...asking, generation: 6 }, { record: committed(asking) })).toMatchObject({
      record: { accepted: { images: {} } },
    })
  })

  test('a removal is accepted, keeps the last good release and forgets the verdict', () => {
    const judged = judge(removal(6), { record })
    expect(judged).toMatchObject({ kind: 'accepted', record: { generationSeen: 6, lastGood: { generation: 5 } } })
    expect(judged).not.toHaveProperty('record.accepted.verdict')
  })
})

describe('what was refused', () => {
  const wrong = { ...assignment(model, 3), device: 'gw-2' }
  const once = judge(wrong)
  const record = once.kind === 'refused' ? once.record : emptyRecord(app)

  test('changes nothing else of the record', () => {
    const before = committed(assignment(model, 1))
    const { refused, ...rest } = (judge(wrong, { record: before }) as { record: AppRecord }).record
    expect(refused).toBeDefined()
    expect(rest).toEqual(before)
  })

  test('keeps its time when it comes again', () => {
    expect(judge(wrong, { record, now: 99 })).toEqual({ kind: 'refused', record })
  })

  test('is forgotten by the next that is accepted', () => {
    expect(judge(assignment(model, 4), { record })).not.toHaveProperty('record.refused')
  })
})

test('whatever comes in, nothing throws and nothing is accepted that is not a deployment for this app', () => {
  const record = committed(assignment(model, 5))
  const check = (payload: Uint8Array): void => {
    const judged = judge(payload, { record })
    expect(judged.kind === 'accepted').toBe(false)
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), check), { numRuns: 4_000 })
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => check(Buffer.from(JSON.stringify(value)))),
    { numRuns: 4_000 },
  )
  // A good message with one field gone wrong.
  const good = assignment(model, 9)
  const field = fc.constantFrom(
    'schema',
    'device',
    'app',
    'generation',
    'release',
    'compose',
    'files',
    'issuedAt',
    'by',
  )
  const broken = fc
    .tuple(field, fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant('__proto__'), fc.constant(undefined)))
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(good[key as keyof typeof good]))
    .filter(([key, value]) => !(key === 'by' && typeof value === 'string'))
    .filter(([key, value]) => !((key === 'generation' || key === 'issuedAt') && Number.isInteger(value)))
  fc.assert(
    fc.property(broken, ([key, value]) => check(writePayload({ ...good, [key]: value }))),
    { numRuns: 4_000 },
  )
})
