import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { showError } from '../../src/cli/output.ts'
import { createProgram } from '../../src/cli/program.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { readSecrets } from '../../src/fleet/secrets.ts'
import { createMemoryBroker } from '../support/memory-fleet.ts'

const broker = vi.hoisted((): { connect?: () => Promise<Fleet> } => ({}))

// Reading over a real link waits for silence, a second each command; `src/fleet` is tested over a real broker.
vi.mock('../../src/fleet/fleet.ts', async (original) => ({
  ...(await original<typeof import('../../src/fleet/fleet.ts')>()),
  connectFleet: () => broker.connect?.(),
}))

let home: string
let fleet: Fleet

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'longshore-secret-'))
  const { connect } = createMemoryBroker()
  broker.connect = async () => connect()
  fleet = connect()
  vi.stubEnv('XDG_CONFIG_HOME', home)
  vi.stubEnv('LONGSHORE_BROKER', 'mqtt://plant')
  vi.stubEnv('LONGSHORE_CONTEXT', '')
  vi.stubEnv('NO_COLOR', '1')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  process.exitCode = undefined
  await rm(home, { recursive: true, force: true })
})

/** The command as `main.ts` runs it, in this process. */
const longshore = async (...parameters: string[]) => {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      text[name] += String(chunk)
      return true
    })
  process.exitCode = undefined
  try {
    await createProgram().parseAsync(['node', 'longshore', ...parameters])
  } catch (error) {
    process.exitCode = showError(error, parameters.includes('--json'))
  }
  vi.restoreAllMocks()
  return { exitCode: process.exitCode ?? 0, ...text }
}

const publishKey = async (device: string): Promise<{ identity: string; recipient: string }> => {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  await fleet.publish(fleet.topics.inventory(device), Buffer.from(JSON.stringify({ schema: 1, recipient })), {
    retain: true,
  })
  return { identity, recipient }
}

const fileOf = async (text: string): Promise<string> => {
  const file = join(home, 'value')
  await writeFile(file, text)
  return file
}

const knownDevices = () => readFile(join(home, 'longshore', 'known-devices.json'), 'utf8')

test('set, ls and rm on two devices: pinned at first use, and no value is shown anywhere', async () => {
  const { identity, recipient } = await publishKey('gw-1')
  await publishKey('gw-2')
  const file = await fileOf('hunter2')
  const set = ['secret', 'set', 'shop', 'password', '-d', 'gw-1', '-d', 'gw-2', '--file', file]
  const first = await longshore(...set)
  expect(first.stdout).toBe('gw-1: secret password of shop is set\ngw-2: secret password of shop is set\n')
  expect(first.stderr).toContain(`gw-1: first secret from here, its key ${recipient} is pinned\n`)
  expect((await stat(join(home, 'longshore', 'known-devices.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(home, 'longshore'))).toEqual(['known-devices.json'])

  const again = await longshore(...set, '--json')
  expect(again).toMatchObject({ exitCode: 0, stderr: '' })
  expect(
    again.stdout
      .split('\n')
      .slice(0, 2)
      .map((line) => JSON.parse(line)),
  ).toEqual(['gw-1', 'gw-2'].map((device) => ({ event: 'set', device, app: 'shop', name: 'password' })))
  const age = (await readSecrets(fleet, 'gw-1', 'shop'))?.secrets.password?.age ?? ''
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  expect(await decrypter.decrypt(Buffer.from(age, 'base64'), 'text')).toBe('hunter2')

  const listed = await longshore('secret', 'ls', '--device', 'gw-1')
  expect(listed.stdout).toMatch(/^APP +NAME.*\nshop +password +\d+ s ago +\d+ bytes +\S+@\S+\n$/)
  const json = await longshore('secret', 'ls', 'shop', '--device', 'gw-1', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({
    device: 'gw-1',
    secrets: [{ app: 'shop', name: 'password', at: expect.any(Number), sealedBytes: expect.any(Number) }],
  })
  const removed = await longshore('secret', 'rm', 'shop', 'password', '-d', 'gw-1', '-d', 'gw-2')
  expect(removed).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await fleet.read([fleet.topics.secret('+', '+')])).toEqual(new Map())
  expect((await longshore('secret', 'ls', '-d', 'gw-1')).stderr).toBe('no secret for gw-1\n')
  const shown = [first, again, listed, json, removed].flatMap(({ stdout, stderr }) => [stdout, stderr]).join('')
  expect(shown).not.toContain('hunter2')
})

test('another key stops, until it is trusted', async () => {
  const file = await fileOf('hunter2')
  const set = ['secret', 'set', 'shop', 'password', '-d', 'gw-1', '--file', file]
  const { recipient: before } = await publishKey('gw-1')
  await longshore(...set)
  const kept = await readSecrets(fleet, 'gw-1', 'shop')
  const { recipient: after } = await publishKey('gw-1')

  const refused = await longshore(...set)
  expect(refused.exitCode).toBe(1)
  for (const text of [before, after, '[recipient-changed]', 'longshore secret trust'])
    expect(refused.stderr).toContain(text)
  expect(await readSecrets(fleet, 'gw-1', 'shop')).toEqual(kept)

  const asked = await longshore('secret', 'trust', '-d', 'gw-1')
  expect(asked).toMatchObject({ exitCode: 1, stdout: `pinned     ${before}\npublished  ${after}\n` })
  expect(asked.stderr).toContain('--yes')
  expect(await knownDevices()).not.toContain(after)

  const trusted = await longshore('secret', 'trust', '-d', 'gw-1', '--yes')
  expect(trusted.exitCode).toBe(0)
  expect(trusted.stderr).toBe('set again what was sealed for the old key: shop password\n')
  expect(await knownDevices()).not.toContain(before)
  expect(await longshore(...set)).toMatchObject({ exitCode: 0, stderr: '' })
  const same = await longshore('secret', 'trust', '-d', 'gw-1', '--json')
  expect(JSON.parse(same.stdout)).toEqual({ device: 'gw-1', pinned: after, published: after, isTrusted: true })
})

test('one device that has no key does not keep the others from theirs', async () => {
  await publishKey('gw-1')
  const file = await fileOf('x')
  const { exitCode, stdout } = await longshore(
    ...['secret', 'set', 'shop', 'a', '-d', 'none', '-d', 'gw-1', '--file', file, '--json'],
  )
  expect(exitCode).toBe(1)
  const events = stdout.trim().split('\n')
  expect(events.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'failed', device: 'none', reason: { code: 'recipient-missing' } },
    { event: 'set', device: 'gw-1' },
  ])
})

test('credentials of a registry are checked for their form, and not shown when it is wrong', async () => {
  await publishKey('gw-1')
  const set = async (value: string) =>
    longshore('secret', 'set', '_registry', 'registry:5000', '-d', 'gw-1', '--file', await fileOf(value))
  for (const wrong of ['hunter2', ':hunter2', 'user:', 'user:hunter2\n']) {
    const { exitCode, stderr } = await set(wrong)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('user:password')
    expect(stderr).not.toContain('hunter2')
  }
  expect((await set('user:hunter2')).exitCode).toBe(0)
  expect((await readSecrets(fleet, 'gw-1', '_registry'))?.secrets).toHaveProperty(['registry:5000'])
})

test('a file of pins that cannot be read or written stops: taken for empty, any key would be trusted', async () => {
  await publishKey('gw-1')
  const set = ['secret', 'set', 'shop', 'a', '-d', 'gw-1', '--file', await fileOf('x')]
  await longshore(...set)
  const kept = await readSecrets(fleet, 'gw-1', 'shop')
  await writeFile(join(home, 'longshore', 'known-devices.json'), '{')
  expect(await longshore(...set)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('[config-invalid]') })
  await writeFile(join(home, 'longshore', 'known-devices.json'), '{"schema":1,"devices":[{}]}')
  expect(await longshore(...set)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('[config-invalid]') })
  await rm(join(home, 'longshore'), { recursive: true })
  await writeFile(join(home, 'longshore'), 'no folder')
  expect(await longshore(...set)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('[file-unreadable]') })
  await rm(join(home, 'longshore'))
  await symlink('/nowhere/at/all', join(home, 'longshore'))
  expect(await longshore(...set)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('[state-unusable]') })
  expect(await readSecrets(fleet, 'gw-1', 'shop')).toEqual(kept)
})

test('export and import carry secrets as they are sealed', async () => {
  await publishKey('gw-1')
  await longshore('secret', 'set', 'shop', 'a', '-d', 'gw-1', '--file', await fileOf('hunter2'))
  const kept = (await readSecrets(fleet, 'gw-1', 'shop'))?.secrets
  const exported = await longshore('export')
  expect(exported.stderr).toBe('0 deployments, sealed secrets of 1 apps\n')
  await longshore('devices', 'forget', 'gw-1')
  expect(await readSecrets(fleet, 'gw-1', 'shop')).toBeUndefined()
  const imported = await longshore('import', await fileOf(exported.stdout))
  expect(imported.stdout).toBe('gw-1: secrets of shop are back: a\n')
  expect((await readSecrets(fleet, 'gw-1', 'shop'))?.secrets).toEqual(kept)
})
