import { describe, expect, test } from 'vitest'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { memoryFiles } from '../../agent/files/memory-files.ts'
import { executeAll } from '../../agent/reconcile/execute.ts'
import { memorySecretStore } from '../../agent/secrets/secret-store.ts'
import { createSecrets } from '../../agent/secrets/secrets.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { silent } from '../support/agents.ts'

const open = () => {
  // What is sealed says of itself what it holds: encryption is the business of other tests.
  const identity = { recipient: 'age1x', versionKey: Buffer.from('key'), decrypt: async (sealed: Uint8Array) => sealed }
  const secrets = createSecrets({
    device: 'gw-1',
    identity,
    store: memorySecretStore(),
    maxBytes: 65_536,
    log: silent,
  })
  let issuedAt = 0
  const set = (value: string) => {
    issuedAt += 1
    const sealed = { key: { age: Buffer.from(value).toString('base64'), at: 1 } }
    return secrets.receive(
      'shop',
      writePayload({ schema: 1, device: 'gw-1', app: 'shop', issuedAt, by: 'test', secrets: sealed }),
    )
  }
  return { secrets, set }
}

describe('a secret that changes between a plan and what is done about it', () => {
  test('is not put under the version of the one before', async () => {
    const { secrets, set } = open()
    expect(await set('one')).toBeUndefined()
    const version = secrets.versions('shop').key as string
    await set('two')
    const tree = { digest: 'd', isSecret: true, files: { key: { content: { secret: 'key', version }, mode: '0400' } } }
    const files = memoryFiles()
    const effects = { engine: simulatedEngine({ now: Date.now }), files, secretValue: secrets.value }
    const place = { kind: 'place-files', target: '/key', service: 'web', app: 'shop', tree, cause: 'test' } as const
    const [result] = await executeAll(effects, [place])
    expect(result?.failure).toMatchObject({ code: 'secret-missing' })
    expect((await files.observe('shop', [])).secretTrees).toEqual([])
    await set('one')
    expect(secrets.versions('shop').key).toBe(version)
    expect((await executeAll(effects, [place]))[0]?.failure).toBeUndefined()
  })
})
