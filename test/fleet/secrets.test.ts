import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import fc from 'fast-check'
import { pino } from 'pino'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import { exportFleet, importSecrets, readBackup } from '../../src/fleet/backup.ts'
import { connectFleet, type Fleet } from '../../src/fleet/fleet.ts'
import { forgetDevice } from '../../src/fleet/forget.ts'
import { applyPatch, type Entries, patchBetween } from '../../src/fleet/merge-secrets.ts'
import { readRecipient } from '../../src/fleet/recipient.ts'
import { listSecrets, type PutInput, putSecrets, readSecrets, restoreSecrets } from '../../src/fleet/secrets.ts'
import { registryScope } from '../../src/protocol/names.ts'
import { maxSecretBytes, secretsSchema } from '../../src/protocol/secret.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { createMemoryBroker } from '../support/memory-fleet.ts'

let identity: string
let recipient: string

beforeAll(async () => {
  identity = await generateX25519Identity()
  recipient = await identityToRecipient(identity)
})

const log = pino({ level: 'silent' })
const topic = topicsUnder('longshore').secret('gw', 'shop')

const open = async (age: string | undefined): Promise<string> => {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return await decrypter.decrypt(Buffer.from(age ?? '', 'base64'), 'text')
}

const input = (changes: Partial<PutInput> = {}): PutInput => ({
  ...{ device: 'gw', app: 'shop', by: 'ada@laptop', now: 100, recipient, set: {}, remove: [] },
  ...changes,
})

const bytes = (text: string): Uint8Array => Buffer.from(text)

const startFleet = async (): Promise<{ fleet: Fleet; other: Fleet }> => {
  const broker = createBroker({ log, port: 0 })
  onTestFinished(broker.stop)
  const url = `mqtt://127.0.0.1:${(await broker.start()).port}`
  const connect = async () => {
    const fleet = await connectFleet({ broker: { url }, root: 'longshore', log })
    onTestFinished(fleet.close)
    return fleet
  }
  return { fleet: await connect(), other: await connect() }
}

test('topics of secrets: of an app and of registries, of nothing else', () => {
  const topics = topicsUnder('acme/plant')
  expect(topics.parse(topics.secret('gw', 'shop'))).toEqual({ kind: 'secret', device: 'gw', app: 'shop' })
  expect(topics.parse(topics.secret('gw', registryScope))).toEqual({ kind: 'secret', device: 'gw', app: '_registry' })
  for (const app of ['_other', 'Shop', '', '+']) expect(topics.parse(topics.secret('gw', app))).toBeUndefined()
})

test('only the device can open what was set; other names keep their ciphertexts to the byte', async () => {
  const fleet = createMemoryBroker().connect()
  const first = await putSecrets(fleet, input({ set: { password: bytes('hunter2'), 'tls.key': bytes('key') } }))
  const payload = (await fleet.read([topic])).get(topic)
  expect(secretsSchema.parse(JSON.parse(String(payload)))).toEqual(first)
  expect(String(payload)).not.toContain('hunter2')
  expect(first).toMatchObject({ device: 'gw', app: 'shop', by: 'ada@laptop', issuedAt: 100 })
  expect(await open(first?.secrets.password?.age)).toBe('hunter2')

  const second = await putSecrets(fleet, input({ set: { password: bytes('new') }, by: 'bob', now: 50 }))
  expect(second).toMatchObject({ by: 'bob', issuedAt: 101 })
  expect(second?.secrets['tls.key']).toEqual(first?.secrets['tls.key'])
  expect(await open(second?.secrets.password?.age)).toBe('new')
  expect(await readSecrets(fleet, 'gw', 'shop')).toEqual(second)
})

test('the last one that is removed clears the topic; what is not there cannot be removed', async () => {
  const fleet = createMemoryBroker().connect()
  await putSecrets(fleet, input({ set: { a: bytes('1'), b: bytes('2') } }))
  expect(Object.keys((await putSecrets(fleet, input({ remove: ['a'] })))?.secrets ?? {})).toEqual(['b'])
  await expect(putSecrets(fleet, input({ remove: ['a', 'constructor'] }))).rejects.toMatchObject({
    code: 'secret-unknown',
    message: expect.stringContaining('a, constructor'),
  })
  expect(await putSecrets(fleet, input({ remove: ['b'] }))).toBeUndefined()
  expect(await fleet.read([topic])).toEqual(new Map())
})

test('two operators at once lose nothing, over a broker', async () => {
  const { fleet, other } = await startFleet()
  await Promise.all([
    putSecrets(fleet, input({ set: { a: bytes('1') }, by: 'ada' })),
    putSecrets(other, input({ set: { b: bytes('2') }, by: 'bob' })),
  ])
  const secrets = (await readSecrets(fleet, 'gw', 'shop'))?.secrets
  expect(await Promise.all([open(secrets?.a?.age), open(secrets?.b?.age)])).toEqual(['1', '2'])
})

test('what slipped in between the look and the change is brought back', async () => {
  const { connect } = createMemoryBroker()
  const [fleet, other] = [connect(), connect()]
  await putSecrets(fleet, input({ set: { old: bytes('0'), gone: bytes('x') } }))
  let isFirst = true
  const slow: Fleet = {
    ...fleet,
    publish: async (...given) => {
      if (isFirst) {
        isFirst = false
        await putSecrets(other, input({ set: { theirs: bytes('2') }, remove: ['gone'], by: 'bob' }))
      }
      await fleet.publish(...given)
    },
  }
  await putSecrets(slow, input({ set: { ours: bytes('1') } }))
  const secrets = (await readSecrets(fleet, 'gw', 'shop'))?.secrets ?? {}
  expect(Object.keys(secrets)).toEqual(['old', 'ours', 'theirs'].sort())
  expect(await open(secrets.theirs?.age)).toBe('2')
})

test('a broker that does not keep it is named; so is one who changes it without end', async () => {
  const { connect } = createMemoryBroker()
  const [fleet, other] = [connect(), connect()]
  const deaf: Fleet = { ...fleet, publish: async () => undefined }
  await expect(putSecrets(deaf, input({ set: { a: bytes('1') } }))).rejects.toMatchObject({ code: 'not-retained' })
  let issuedAt = 200
  const hostile: Fleet = {
    ...fleet,
    publish: async (...given) => {
      await fleet.publish(...given)
      issuedAt += 1
      const forged = { schema: 1, device: 'gw', app: 'shop', by: 'rival', issuedAt, secrets: {} }
      await other.publish(topic, Buffer.from(JSON.stringify(forged)), { retain: true })
    },
  }
  await expect(putSecrets(hostile, input({ set: { a: bytes('1') } }))).rejects.toMatchObject({
    code: 'superseded',
    message: expect.stringContaining('rival'),
  })
})

test('a device that is forgotten loses its secrets, and no other device does', async () => {
  const fleet = createMemoryBroker().connect()
  await putSecrets(fleet, input({ set: { a: bytes('1') } }))
  await putSecrets(fleet, input({ app: registryScope, set: { 'registry:5000': bytes('u:p') } }))
  await putSecrets(fleet, input({ device: 'gw-2', set: { a: bytes('1') } }))
  expect((await forgetDevice(fleet, 'gw', false)).sort()).toEqual(
    [topic, fleet.topics.secret('gw', registryScope)].sort(),
  )
  expect([...(await fleet.read([fleet.topics.secret('+', '+')])).keys()]).toEqual([fleet.topics.secret('gw-2', 'shop')])
})
test('a backup holds ciphertexts and brings them back beside what was set since', async () => {
  const { retained, connect } = createMemoryBroker()
  const fleet = connect()
  const before = await putSecrets(fleet, input({ set: { a: bytes('1'), b: bytes('2') } }))
  const { lines, faults } = await exportFleet(fleet, [])
  expect(faults).toEqual([])
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  retained.clear()
  await putSecrets(fleet, input({ set: { a: bytes('changed'), c: bytes('3') } }))
  const [line, ...more] = readBackup(text, 'f')
  if (line === undefined || !('secrets' in line)) throw new Error('no secrets in the backup')
  expect(more).toEqual([])
  await importSecrets(fleet, line.secrets, 'ada', 500)
  const after = await readSecrets(fleet, 'gw', 'shop')
  expect(Object.keys(after?.secrets ?? {})).toEqual(['a', 'b', 'c'])
  expect(after?.secrets.a).toEqual(before?.secrets.a)
  expect(() => readBackup('{"secrets":{"schema":1}}', 'f')).toThrow(
    expect.objectContaining({ code: 'value-invalid', place: { file: 'f', line: 1 } }),
  )
})

test('what cannot be read is never written over, and is left out of a list and a backup with its reason', async () => {
  const { retained, connect } = createMemoryBroker()
  const fleet = connect()
  const other = { schema: 1, device: 'other', app: 'shop', by: '', issuedAt: 1, secrets: {} }
  for (const [payload, code] of [
    ['{', 'payload-not-json'],
    ['{"schema":2}', 'schema-unsupported'],
    [JSON.stringify({ ...other, device: 'gw', secrets: { '../x': { age: 'AA==', at: 1 } } }), 'message-invalid'],
    [JSON.stringify(other), 'device-mismatch'],
    [JSON.stringify({ ...other, device: 'gw', app: 'till' }), 'app-mismatch'],
  ] as const) {
    retained.set(topic, Buffer.from(payload))
    await expect(putSecrets(fleet, input({ set: { a: bytes('1') } }))).rejects.toMatchObject({ code })
    expect(String(retained.get(topic))).toBe(payload)
    expect(await listSecrets(fleet, ['gw'])).toMatchObject({ found: [], faults: [{ code }] })
    expect((await exportFleet(fleet, [])).faults).toMatchObject([{ code }])
  }
})

test('a forged issuedAt, as high as can be, does not end all changes', async () => {
  const { retained, connect } = createMemoryBroker()
  const forged = { schema: 1, device: 'gw', app: 'shop', by: '', issuedAt: Number.MAX_SAFE_INTEGER, secrets: {} }
  retained.set(topic, Buffer.from(JSON.stringify(forged)))
  for (const name of ['a', 'b']) await putSecrets(connect(), input({ set: { [name]: bytes('x') } }))
  expect(Object.keys((await readSecrets(connect(), 'gw', 'shop'))?.secrets ?? {})).toEqual(['a', 'b'])
})

test('sizes: a value, and all of them in one message', async () => {
  const { connect, retained } = createMemoryBroker()
  const fleet = connect()
  const large = new Uint8Array(maxSecretBytes)
  const tooLong = putSecrets(fleet, input({ set: { a: new Uint8Array(maxSecretBytes + 1) } }))
  await expect(tooLong).rejects.toMatchObject({ code: 'secret-too-large', message: expect.stringContaining('65537') })
  await putSecrets(fleet, input({ set: { a: large, b: large } }))
  const all = putSecrets(fleet, input({ set: { c: large } }))
  await expect(all).rejects.toMatchObject({ code: 'secret-too-large', message: expect.stringContaining('262144') })
  expect(Object.keys(JSON.parse(String(retained.get(topic))).secrets)).toEqual(['a', 'b'])
})

describe('the key of a device', () => {
  const publish = async (inventory: unknown): Promise<Fleet> => {
    const fleet = createMemoryBroker().connect()
    await fleet.publish(fleet.topics.inventory('gw'), Buffer.from(JSON.stringify(inventory)), { retain: true })
    return fleet
  }

  test('is read from an inventory, whatever else stands in it', async () => {
    expect(await readRecipient(await publish({ schema: 1, recipient, odd: [] }), 'gw')).toBe(recipient)
  })

  test('is missing: an old agent, or no device', async () => {
    await expect(readRecipient(await publish({ schema: 1 }), 'gw')).rejects.toMatchObject({ code: 'recipient-missing' })
    await expect(readRecipient(createMemoryBroker().connect(), 'gw')).rejects.toMatchObject({
      code: 'recipient-missing',
    })
  })

  test('is not one: another kind, a wrong checksum, a point that seals nothing, not even text', async () => {
    const last = recipient.at(-1) === 'q' ? 'p' : 'q'
    const zero = `age1${'q'.repeat(52)}5cu47z`
    for (const forged of [
      zero,
      'ssh-ed25519 AAAA',
      `${recipient.slice(0, -1)}${last}`,
      `age1${'1'.repeat(58)}`,
      7,
      null,
    ]) {
      await expect(readRecipient(await publish({ schema: 1, recipient: forged }), 'gw')).rejects.toMatchObject({
        code: 'recipient-invalid',
      })
      const sealed = putSecrets(
        createMemoryBroker().connect(),
        input({ set: { a: bytes('x') }, recipient: `${forged}` }),
      )
      await expect(sealed).rejects.toMatchObject({ code: 'recipient-invalid' })
    }
  })
})

const arbitraryEntries: fc.Arbitrary<Entries> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'constructor'),
  fc.record({ age: fc.constantFrom('A', 'B', 'C'), at: fc.constant(1) }),
)

test('a patch makes the one of the other', () => {
  fc.assert(
    fc.property(arbitraryEntries, arbitraryEntries, (before, after) => {
      expect(applyPatch(before, patchBetween(before, after))).toEqual(after)
    }),
  )
})

test('whatever the order of three operators, no name is lost and what was there stays', async () => {
  const sealed = (name: string) => ({ [name]: { age: Buffer.from(name).toString('base64'), at: 1 } })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, isFilled) => {
      const { retained, connect } = createMemoryBroker()
      if (isFilled) await restoreSecrets(connect(), { ...input(), secrets: sealed('before') })
      const operators = ['ada', 'bob', 'eve'].map((by) =>
        restoreSecrets(
          connect(async () => void (await scheduler.schedule(Promise.resolve(), by))),
          { ...input({ by }), secrets: sealed(by) },
        ),
      )
      await scheduler.waitFor(Promise.all(operators))
      const { secrets } = JSON.parse(String(retained.get(topic)))
      expect(Object.keys(secrets)).toEqual(['ada', ...(isFilled ? ['before'] : []), 'bob', 'eve'])
    }),
    { numRuns: 300 },
  )
})
