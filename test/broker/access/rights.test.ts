import { describe, expect, test } from 'vitest'
import { noAccessFile, readAccess } from '../../../broker/access/access-file.ts'
import { mayPublish, mayRead, maySubscribe, type Rights, rightsOf, tokenRights } from '../../../broker/access/rights.ts'

const access = readAccess(
  `
root: site/longshore
users:
  ada: { role: operator }
  shift: { role: operator, devices: [press-1, press-2] }
  wall: { role: client, subscribe: ['site/longshore/v1/#'] }
  scada: { role: client, publish: ['plc/{user}/{client}'], subscribe: ['plc/#'] }
  gw-9-certificate: { role: device, device: gw-9 }
  plant1: { role: bridge }
  plant-2-account: { role: bridge, site: plant2, root: acme/plant2/longshore, devices: [press-1] }
  stolen: { role: none }
`,
  'access.yaml',
)

const rights = (user: string, client = user): Rights => {
  const found = rightsOf(access, user, client)
  if (found === undefined) throw new Error(`${user} may not connect`)
  return found
}

const at = (topic: string): string => `site/longshore/v1/${topic}`

/** Every topic of a device: may it publish, may it subscribe. */
const ownTopics = [
  ['desired/app', false, true],
  ['secret/app', false, true],
  ['secret/_registry', false, true],
  ['command/c1', false, true],
  ['status', true, true],
  ['inventory', true, false],
  ['reported/app', true, true],
  ['progress/app', true, false],
  ['event', true, false],
  ['telemetry/host', true, false],
  ['reply/c1', true, false],
  ['log/c1', true, false],
  ['log/c1/credit', false, true],
  ['certificate/request', true, false],
  ['certificate/response', false, true],
  ['anything', false, false],
] as const

describe('a device', () => {
  test.each(ownTopics)('on its own %s: publish %s, subscribe %s', (topic, publish, subscribe) => {
    for (const [user, device] of [
      ['gw-17', 'gw-17'],
      ['gw-9-certificate', 'gw-9'],
    ] as const) {
      expect(mayPublish(rights(user), at(`${device}/${topic}`))).toBe(publish)
      expect(maySubscribe(rights(user), at(`${device}/${topic}`))).toBe(subscribe)
      expect(mayRead(rights(user), at(`${device}/${topic}`))).toBe(subscribe)
    }
  })

  test.each(ownTopics)('has nothing to do with %s of another', (topic) => {
    for (const other of [at(`gw-18/${topic}`), at(`gw-17x/${topic}`), `longshore/v1/gw-17/${topic}`]) {
      expect(mayPublish(rights('gw-17'), other)).toBe(false)
      expect(maySubscribe(rights('gw-17'), other)).toBe(false)
      expect(mayRead(rights('gw-17'), other)).toBe(false)
    }
  })

  test.each(['#', '+/#', '$SYS/#', at('#'), at('+/desired/+'), at('gw-17/#'), at('gw-17/+'), at('gw-17/desired/#')])(
    'may not subscribe to %s',
    (filter) => {
      expect(maySubscribe(rights('gw-17'), filter)).toBe(false)
    },
  )

  test('is whoever has a name that is a device id, and nothing else said of it; under its own client id', () => {
    expect(rightsOf(noAccessFile, 'gw-17', 'x')).toMatchObject({ clientId: 'gw-17' })
    expect(rights('gw-9-certificate')).toMatchObject({ clientId: 'gw-9' })
    expect(rightsOf(access, 'constructor', 'x')).toMatchObject({ clientId: 'constructor' })
    for (const user of ['a/b', '#', '+', '', 'fleet', 'ada@site'])
      expect(rightsOf(noAccessFile, user, user)).toBeUndefined()
  })
})

test('an operator may do everything; one of named devices everything with these', () => {
  expect(rights('ada')).toEqual({ kind: 'all' })
  const shift = rights('shift')
  expect(mayPublish(shift, at('press-1/desired/app'))).toBe(true)
  expect(mayPublish(shift, at('press-3/desired/app'))).toBe(false)
  expect(mayPublish(shift, 'elsewhere')).toBe(false)
  // What the command subscribes to; what it gets of it is judged message by message.
  expect(maySubscribe(shift, at('+/status'))).toBe(true)
  expect(mayRead(shift, at('press-2/status'))).toBe(true)
  expect(mayRead(shift, at('press-3/status'))).toBe(false)
  expect(maySubscribe(shift, '#')).toBe(false)
})

/** Every topic of a device: may the bridge of its site publish it, may it subscribe. */
const bridgedTopics = ownTopics.map(([topic, publish]) => {
  const isWanted = /^(?:desired|secret|command)\/|\/credit$/.test(topic)
  return [topic, publish && !topic.startsWith('certificate'), isWanted] as const
})

describe('a bridge', () => {
  test.each(bridgedTopics)('on %s of a device: publish %s, subscribe %s', (topic, publish, subscribe) => {
    for (const [user, path] of [
      ['plant1', 'site/longshore/v1/gw-17'],
      ['plant-2-account', 'acme/plant2/longshore/v1/press-1'],
    ] as const) {
      expect(mayPublish(rights(user), `${path}/${topic}`)).toBe(publish)
      expect(maySubscribe(rights(user), `${path}/${topic}`)).toBe(subscribe)
      expect(mayRead(rights(user), `${path}/${topic}`)).toBe(subscribe)
    }
  })

  test('reads what it says of itself, and nothing of others', () => {
    expect(mayPublish(rights('plant1'), at('bridge/plant1/status'))).toBe(true)
    expect(maySubscribe(rights('plant1'), at('bridge/plant1/status'))).toBe(true)
    expect(maySubscribe(rights('plant1'), at('bridge/plant9/status'))).toBe(false)
    expect(mayPublish(rights('plant1'), 'acme/plant2/longshore/v1/gw-17/status')).toBe(false)
    expect(mayPublish(rights('plant-2-account'), 'acme/plant2/longshore/v1/press-2/status')).toBe(false)
    for (const filter of ['#', '$SYS/#', at('#'), at('+/status')])
      expect(maySubscribe(rights('plant1'), filter)).toBe(false)
  })
})

test('another client may do what its rules say', () => {
  const scada = rights('scada', 'line-1')
  expect(mayPublish(scada, 'plc/scada/line-1')).toBe(true)
  expect(mayPublish(scada, 'plc/scada/line-2')).toBe(false)
  expect(mayPublish(rights('scada', '+'), 'plc/scada/+')).toBe(false)
  expect(maySubscribe(scada, 'plc/+/x')).toBe(true)
  expect(maySubscribe(scada, at('#'))).toBe(false)
  expect(maySubscribe(rights('wall'), at('+/status'))).toBe(true)
  expect(mayPublish(rights('wall'), at('gw-17/desired/app'))).toBe(false)
})

describe('a token', () => {
  const token = '00112233aabbccdd'
  const client = `${token}-key`
  const own = tokenRights(access, token, client) as Rights

  test('asks and hears under its own client id', () => {
    expect(mayPublish(own, at(`enroll/${client}/request`))).toBe(true)
    for (const may of [maySubscribe, mayRead]) expect(may(own, at(`enroll/${client}/response`))).toBe(true)
  })

  test.each([
    ...ownTopics.map(([topic]) => at(`gw-17/${topic}`)),
    ...ownTopics.map(([topic]) => at(`${client}/${topic}`)),
    ...['enroll/#', 'enroll/+/response', `enroll/${token}-other/response`, `enroll/${token}-other/request`, '#'].map(
      at,
    ),
    `longshore/v1/enroll/${client}/request`,
    '#',
    '$SYS/#',
    'elsewhere',
  ])('has nothing to do with %s', (topic) => {
    for (const may of [mayPublish, maySubscribe, mayRead]) expect(may(own, topic)).toBe(false)
  })

  test('has no rights under an id that is not its own', () => {
    for (const id of ['gw-17', token, `${token}-+`, `${token}-#`, `${token}-a/b`, `x${client}`])
      expect(tokenRights(access, token, id)).toBeUndefined()
  })
})

test('a user with the role none may not connect', () => {
  expect(rightsOf(access, 'stolen', 'stolen')).toBeUndefined()
})

test.each([
  ['users: { ada: { role: boss } }', /users\.ada/],
  ['users: { ada: { role: operator, publish: [x] } }', /users\.ada/],
  ["users: { x: { role: client, publish: ['a/#/b'] } }", /users\.x\.publish\[0\].*no topic filter/],
  ['root: a//b', /root/],
  ['user: {}', /user/],
  ['users: [', /.+/],
])('%s is refused with what is wrong', (text, message) => {
  expect(() => readAccess(text, 'access.yaml')).toThrow(message)
  expect(() => readAccess(text, 'access.yaml')).toThrow(
    expect.objectContaining({ code: 'config-invalid', place: { file: 'access.yaml' } }),
  )
})

test('JSON is read too, and an empty file says nothing', () => {
  expect(readAccess('{"users": {"ada": {"role": "operator"}}}', 'f').users.ada).toEqual({ role: 'operator' })
  expect(readAccess('', 'f')).toEqual(noAccessFile)
})
