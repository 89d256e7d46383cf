import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { resolveBroker } from '../../src/cli/context.ts'

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-context-'))
  await mkdir(join(home, 'longshore'))
  vi.stubEnv('XDG_CONFIG_HOME', home)
  vi.stubEnv('LONGSHORE_BROKER', '')
  vi.stubEnv('LONGSHORE_CONTEXT', '')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true, force: true })
})

const writeContext = (name: string, text: string): Promise<void> =>
  writeFile(join(home, 'longshore', `${name}.yaml`), text)

test('without anything it is the broker on this machine', async () => {
  expect(await resolveBroker({})).toEqual({ broker: 'mqtt://127.0.0.1:1883', root: 'longshore' })
})

test('a flag wins over a context that was named, and that over the environment', async () => {
  await writeContext('plant', 'broker: mqtts://plant\nusername: op\nroot: acme\n')
  vi.stubEnv('LONGSHORE_BROKER', 'mqtt://environment')
  expect(await resolveBroker({})).toMatchObject({ broker: 'mqtt://environment' })
  expect(await resolveBroker({ context: 'plant' })).toEqual({ broker: 'mqtts://plant', username: 'op', root: 'acme' })
  expect(await resolveBroker({ context: 'plant', root: 'other' })).toMatchObject({ username: 'op', root: 'other' })
})

test('LONGSHORE_BROKER wins over the context of the environment', async () => {
  await writeContext('plant', 'broker: mqtts://plant\nusername: op\n')
  vi.stubEnv('LONGSHORE_CONTEXT', 'plant')
  expect(await resolveBroker({})).toMatchObject({ broker: 'mqtts://plant' })
  vi.stubEnv('LONGSHORE_BROKER', 'mqtt://environment')
  expect(await resolveBroker({})).toMatchObject({ broker: 'mqtt://environment', username: 'op' })
})

test('files of a context are named as seen from it', async () => {
  await writeContext('plant', 'broker: mqtts://plant\nca: ca.pem\nkey: /etc/key.pem\n')
  expect(await resolveBroker({ context: 'plant' })).toMatchObject({
    ca: join(home, 'longshore', 'ca.pem'),
    key: '/etc/key.pem',
  })
})

test.each([
  [{ broker: 'http://x' }, 'usage'],
  [{ root: 'a/#' }, 'usage'],
  [{ context: '../x' }, 'usage'],
  [{ context: 'none' }, 'file-unreadable'],
  [{ context: 'broken' }, 'config-invalid'],
])('%j is refused as %s', async (options, code) => {
  await writeContext('broken', 'brokr: x\n')
  await expect(resolveBroker(options)).rejects.toMatchObject({ code })
})
