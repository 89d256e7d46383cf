/** What a bundle of facts tells, and that no secret gets into it, wherever it stood. */
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { diagnoseVerb } from '../../agent/commands/diagnose-verb.ts'
import { mask, maskSecrets } from '../../agent/diagnose/mask-secrets.ts'
import { plainSpec, simulatedEngine } from '../../agent/engine/simulated.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import { ownerLabels } from '../../agent/translate/engine-names.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { app, assignment, committed, owner, serviceModel } from '../support/builders.ts'
import { verbContext } from '../support/verb-context.ts'

describe('what is masked', () => {
  test.each([
    ['an address with a password', 'amqp://user:hunter2@host/x', 'amqp://user:***@host/x'],
    ['one with an @ in it', 'amqp://user:hun@ter2@host', 'amqp://user:***@host'],
    ['one without a user', 'redis://:hunter2@host', 'redis://:***@host'],
    ['an address with a port', 'http://host:8080/path', 'http://host:8080/path'],
    ['a variable', 'DB_PASSWORD=hunter2 MODE=fast', 'DB_PASSWORD=*** MODE=fast'],
    ['a word in a log', 'login: password: hunter2, user: ada', 'login: password: ***, user: ada'],
    ['a field in JSON', '{"level":"info","apiKey":"hunter2","n":1}', '{"level":"info","apiKey":***,"n":1}'],
    ['a field in JSON in JSON', '{\\"token\\":\\"hunter2\\",\\"n\\":1}', '{\\"token\\":***,\\"n\\":1}'],
    ['quotes with blanks', 'secret = "hunter2 and more" x', 'secret = *** x'],
    ['a flag', 'mysql --password hunter2 -h db', 'mysql --password *** -h db'],
    ['a flag with =', 'mysql --password=hunter2 -h db', 'mysql --password=*** -h db'],
    ['a header', 'Authorization: Bearer abc.def-123', 'Authorization: Bearer ***'],
    ['a key', 'x -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- y', 'x *** y'],
    ['a value that was cut off', '{"msg":"x","password":"hunter2', '{"msg":"x","password":***'],
    ['one in single quotes', "password: 'hunter2", 'password: ***'],
    ['a value with quotes in it', '{"password":"a\\"hunter2","n":1}', '{"password":***,"n":1}'],
    ['JSON, three deep', '{\\\\\\"token\\\\\\":\\\\\\"hunter2\\\\\\"}', '{\\\\\\"token\\\\\\":***}'],
    ['a variable of blanks and signs', 'DB_PASSWORD=a,hunter2;"hunter2 hunter2', 'DB_PASSWORD=***'],
    ['a flag of such', '--password=a,hunter2', '--password=***'],
    ['arrows', "password => 'hunter2', secret := hunter2", 'password => ***, secret := ***'],
    ['XML', '<Password>hunter2</Password>', '<Password>***</Password>'],
    ['other headers', 'authorization: Token hunter2', 'authorization: ***'],
    ['a header in JSON', '{"Authorization":"Digest u=hunter2","n":1}', '{"Authorization":"***","n":1}'],
    ['cookies', 'Set-Cookie: a=hunter2; b=hunter2', 'Set-Cookie: ***'],
    ['a token in place of a user', 'https://ghp_hunter2hunter2hunter2@host/x', 'https://***@host/x'],
    ['a long password in an address', `mqtt://u:${'hunter2'.repeat(300)}@host`, 'mqtt://u:***@host'],
    ['short words for it', 'DB_PASS=hunter2 MYSQL_PWD=hunter2 x', 'DB_PASS=*** MYSQL_PWD=*** x'],
    ['a passphrase', 'passphrase: hunter2', 'passphrase: ***'],
    ['a flag of redis', 'redis-server --requirepass hunter2', 'redis-server --requirepass ***'],
    ['what is no secret', 'SSH_PUBLIC_KEY=abc monkey=1 TLS_KEY_FILE=/x', 'SSH_PUBLIC_KEY=abc monkey=1 TLS_KEY_FILE=/x'],
  ])('%s', (_what, text, masked) => {
    expect(maskSecrets(text, [])).toBe(masked)
  })

  test('values that are known, in all their forms, and each line of a long one', () => {
    const known = ['p&ss "word"', 'x1', 'first line of it\nsecond line of it']
    const said = {
      plain: 'said p&ss "word" aloud',
      address: 'http://h/?q=p%26ss%20%22word%22',
      base64: `dGhl ${Buffer.from('p&ss "word"').toString('base64')}`,
      json: 'a \\"b\\" p&ss \\"word\\"',
      short: 'x1',
      kept: 'x11',
      line: 'it said: second line of it!',
    }
    expect(maskSecrets(said, known)).toEqual({
      ...{ plain: 'said *** aloud', address: 'http://h/?q=***', base64: 'dGhl ***', json: 'a \\"b\\" ***' },
      ...{ short: mask, kept: 'x11', line: 'it said: ***!' },
    })
  })

  test('fields and variables by their names, and what follows a flag', () => {
    expect(
      maskSecrets({ environment: { API_KEY: 'a', PIN_TOKEN: 5, MODE: 'b' }, command: ['x', '--token', 'c', '-v'] }, []),
    ).toEqual({ environment: { API_KEY: mask, PIN_TOKEN: mask, MODE: 'b' }, command: ['x', '--token', mask, '-v'] })
  })

  test('a known value of which the end was cut off, and a key whose lines stand each for itself', () => {
    const key = ['-----BEGIN PRIVATE KEY-----', 'MIIEvQIBADANBgkq', 'hkiG9w0BAQ==', '-----END PRIVATE KEY-----']
    expect(maskSecrets(['it said hunter2-hun', ...key, 'and went on'], ['hunter2-hunter2'])).toEqual([
      `it said ${mask}`,
      ...key.map(() => mask),
      'and went on',
    ])
  })

  test('several values under the name of a secret, and not what only tells of secrets', () => {
    const told = { tokens: ['hunter2'], secrets: { db: { versions: [1, 2] } }, isSecret: true }
    expect(maskSecrets(told, [])).toEqual({ ...told, tokens: [mask] })
  })

  test('takes no longer for a text that was made for it', () => {
    const begun = performance.now()
    for (const piece of [
      'a-',
      'key=\\"',
      "key='",
      '://a',
      'cookie:',
      'PASS=a b ',
      '<key>',
      '://a:',
      'password',
      '-----BEGIN PRIVATE KEY-----',
      'key="',
      'a b ',
    ])
      maskSecrets(piece.repeat(200_000 / piece.length), [])
    maskSecrets(`PASS=${' '.repeat(200_000)}`, [])
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})

describe('the bundle', () => {
  const secret = 'hunter2-hunter2'
  const open = async () => {
    const engine = simulatedEngine({ now: Date.now })
    const store = memoryStore()
    const model = serviceModel({
      web: {
        environment: { DB_PASSWORD: 'in-the-model', DSN: `db://u:in-the-address@h`, PLAIN: `x ${secret} y` },
        command: ['serve', '--api-key', 'in-the-command'],
      },
    })
    await store.updateApp(app, () => committed(assignment(model)))
    engine.controls.addImage('web:1', 'sha256:web')
    await engine.createContainer('shop-web-1', { ...plainSpec('sha256:web'), labels: ownerLabels(owner, app) })
    ;(engine.controls.container('shop-web-1').lines as string[]).push(`connected with ${secret}`, 'token=in-the-log')
    const pieces: { piece: number; pieces: number; data: string }[] = []
    let fails = 0
    const verb = diagnoseVerb({
      facts: {
        ...{ device: owner.agent, engine, store, nowMs: () => 5 },
        parts: {
          log: () => [`{"msg":"said ${secret}"}`, '{"password":"in-the-agents-log"}'],
          broken: () => {
            throw new LongshoreError('engine-error', `failed with ${secret}`)
          },
        },
      },
      secrets: {
        versions: (name) => (name === app ? { db: 'v1' } : { 'registry.example': 'v1' }),
        value: async (name) => Buffer.from(name === app ? secret : 'robot:registry-password'),
      },
      maxBytes: 2_048,
    })
    const diagnose = () =>
      verb(
        {},
        verbContext({
          progress: async (piece) => {
            fails += 1
            if (fails === 2) return false
            pieces.push(piece as never)
            return true
          },
        }),
      )
    return { diagnose, pieces }
  }

  test('comes in pieces that fit, each until it is there, and says what is wrong with the rest', async () => {
    const { diagnose, pieces } = await open()
    const answer = await diagnose()
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.map(({ piece }) => piece)).toEqual(pieces.map((_, index) => index))
    for (const piece of pieces) expect(JSON.stringify(piece).length).toBeLessThan(2_048 - 512)
    const packed = Buffer.concat(pieces.map(({ data }) => Buffer.from(data, 'base64')))
    expect(answer).toMatchObject({ outcome: 'done', result: { pieces: pieces.length, bytes: packed.length } })
    const text = gunzipSync(packed).toString()
    expect(JSON.parse(text)).toMatchObject({
      ...{ schema: 1, device: 'gw-1', at: 5, engine: { name: 'simulated' } },
      containers: [{ name: 'shop-web-1', log: [`connected with ${mask}`, `token=${mask}`] }],
      apps: [
        { app, accepted: { deployment: { compose: { services: { web: { environment: { DB_PASSWORD: mask } } } } } } },
      ],
      broken: { fault: { code: 'engine-error' } },
    })
    // Planted everywhere: in values that are known, in names, in addresses, in logs, in errors.
    expect(text).not.toMatch(/hunter2|in-the-|registry-password/)
  })

  test('is told to one at a time', async () => {
    const { diagnose } = await open()
    const first = diagnose()
    expect(await diagnose()).toMatchObject({ outcome: 'busy', reason: { code: 'command-busy' } })
    expect(await first).toMatchObject({ outcome: 'done' })
    expect(await diagnose()).toMatchObject({ outcome: 'done' })
  })
})
