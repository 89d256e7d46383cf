/** Files beside the Compose file, secrets and several containers of a service, on a real engine. */
import { execFileSync } from 'node:child_process'
import { readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Encrypter } from 'age-encryption'
import { expect, onTestFinished, test } from 'vitest'
import type { Mount, Service } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import { assignRemoval } from '../../src/fleet/deploy.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { docker, openFleet, startTestAgent, type TestAgentOptions } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const set = async (options: Partial<TestAgentOptions> = {}) => {
  const { url, stop: stopBroker } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stopBroker)
  const agent = await startTestAgent({ url, ...options })
  const fleet = await openFleet(url)
  return { url, fleet, ...agent, data: join(agent.state, 'projects/shop/data') }
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }
const bind = (source: string, target: string, readOnly = false): Mount => ({
  type: 'bind',
  source,
  target,
  ...(readOnly ? { read_only: true } : {}),
})

const inside = (device: string, service: string, ...command: string[]): string =>
  execFileSync('docker', ['exec', `${device}-shop-${service}-1`, ...command], {
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim()

const recipientOf = async (fleet: Fleet, device: string): Promise<string> =>
  eventually('the device to publish its recipient', async () => {
    const payload = (await fleet.read([fleet.topics.inventory(device)])).get(fleet.topics.inventory(device))
    const { recipient } = JSON.parse(String(payload)) as { recipient: string }
    return recipient
  })

const setSecrets = async (
  fleet: Fleet,
  device: string,
  values: Record<string, string>,
  app = 'shop',
): Promise<void> => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(await recipientOf(fleet, device))
  const secrets: Record<string, object> = {}
  for (const [name, value] of Object.entries(values))
    secrets[name] = { age: Buffer.from(await encrypter.encrypt(value)).toString('base64'), at: Date.now() }
  const message = { schema: 1, device, app, issuedAt: Date.now(), by: 'test', secrets }
  await fleet.publish(fleet.topics.secret(device, app), writePayload(message), { retain: true })
}

test('read-only and writable files stand in the container, and change as their rules say', async () => {
  const { fleet, device, data } = await set()
  const model = modelOf('shop', {
    reader: { volumes: [bind('./ro', '/ro', true), bind('./one.conf', '/etc/one.conf', true)] },
    writer: { volumes: [bind('./conf', '/conf'), bind('./empty', '/empty')], user: '1234:567' },
    other: {},
  })
  const texts = (ro: string, conf: string) => ({ 'ro/a': ro, 'ro/sub/b': 'b', 'one.conf': 'one', 'conf/a': conf })
  expect(await deployAndWait(fleet, device, model, { texts: texts('1', '1') })).toEqual(succeeded)
  expect(inside(device, 'reader', 'cat', '/ro/a', '/ro/sub/b', '/etc/one.conf')).toBe('1bone')
  expect(() => inside(device, 'reader', 'touch', '/ro/new')).toThrow(/Read-only/)
  expect(inside(device, 'writer', 'cat', '/conf/a')).toBe('1')
  expect(inside(device, 'writer', 'sh', '-c', 'touch /conf/own /empty/own && ls /empty')).toBe('own')
  const first = await containersOf(device)

  // The read-only part changes: its reader is replaced, nobody else.
  expect(await deployAndWait(fleet, device, model, { texts: texts('2', '1') })).toEqual(succeeded)
  const second = await containersOf(device)
  expect(inside(device, 'reader', 'cat', '/ro/a')).toBe('2')
  expect(second.map(({ id }, index) => id === first[index]?.id)).toEqual([true, false, true])

  // A writable file that nobody touched is replaced, with its service.
  expect(await deployAndWait(fleet, device, model, { texts: texts('2', '2') })).toEqual(succeeded)
  expect(inside(device, 'writer', 'cat', '/conf/a')).toBe('2')
  expect(inside(device, 'writer', 'ls', '/conf')).toBe('a\nown')
  const third = await containersOf(device)
  expect(third.map(({ id }, index) => id === second[index]?.id)).toEqual([true, true, false])

  // One that was changed on the device is kept: plan says so before, and the report after.
  inside(device, 'writer', 'sh', '-c', 'echo mine > /conf/a')
  const { deployment } = await send(fleet, device, model, { texts: texts('2', '3') })
  const planned = await ask(fleet, {
    device,
    verb: 'plan',
    args: { app: 'shop', compose: model as never, files: ('files' in deployment ? deployment.files : {}) as never },
    timeoutMs: 10_000,
    now: Date.now(),
  })
  expect(planned).toMatchObject({
    outcome: 'done',
    result: { operations: [], kept: [expect.stringMatching(/^file-kept \.\/conf\/a: /)] },
  })
  const kept = await reportThat(
    fleet,
    device,
    'shop',
    'a kept file',
    ({ keptFiles, outcome, generation }) =>
      keptFiles !== undefined && outcome === 'succeeded' && generation === deployment.generation,
  )
  expect(kept.keptFiles).toMatchObject([{ path: 'conf/a' }])
  expect(await containersOf(device)).toEqual(third)
  expect(await readFile(join(data, 'conf/a'), 'utf8')).toBe('mine\n')
  expect(await deployAndWait(fleet, device, model, { texts: texts('2', '3'), replaceFiles: true })).toEqual(succeeded)
  expect(inside(device, 'writer', 'cat', '/conf/a')).toBe('3')

  const removal = await assignRemoval(fleet, {}, { device, app: 'shop', by: 'test', now: Date.now() })
  expect((await endingFor(fleet, removal)).outcome).toBe('succeeded')
  expect(await readFile(join(data, 'conf/a'), 'utf8')).toBe('3')
  expect(execFileSync('ls', [join(data, '..')], { encoding: 'utf8' })).toBe('data\n')
})

test('a container that puts a link where its next file goes reaches nothing on the device', async () => {
  const { fleet, device, data, state } = await set()
  const model = modelOf('shop', { web: { volumes: [bind('./conf', '/conf')] } })
  expect(await deployAndWait(fleet, device, model, { texts: { 'conf/a': '1' } })).toEqual(succeeded)
  const outside = join(state, 'outside')
  await writeFile(outside, '1')
  inside(device, 'web', 'rm', '/conf/a')
  await symlink(outside, join(data, 'conf/a'))
  await send(fleet, device, model, { texts: { 'conf/a': '2' }, replaceFiles: true })
  const report = await reportThat(
    fleet,
    device,
    'shop',
    'an unsafe path',
    ({ waitingFor }) => waitingFor?.some(({ code }) => code === 'path-unsafe') === true,
  )
  expect(report.waitingFor?.[0]?.message).toContain('conf/a')
  expect(await readFile(outside, 'utf8')).toBe('1')
  await rm(join(data, 'conf/a'))
  await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  expect(inside(device, 'web', 'cat', '/conf/a')).toBe('2')
})

test('configs stand where they are wanted, with their mode and owner', async () => {
  const { fleet, device } = await set()
  const web: Partial<Service> = {
    configs: [
      { source: 'inline', target: '/etc/inline' },
      { source: 'file', target: '/etc/app/app.toml', mode: '0440', uid: '70', gid: '71' },
    ],
  }
  const model = modelOf('shop', { web }, { configs: { inline: { content: 'hello' }, file: { file: './app.toml' } } })
  expect(await deployAndWait(fleet, device, model, { texts: { 'app.toml': 'a = 1' } })).toEqual(succeeded)
  expect(inside(device, 'web', 'cat', '/etc/inline', '/etc/app/app.toml')).toBe('helloa = 1')
  expect(inside(device, 'web', 'stat', '-c', '%a %u %g', '/etc/app/app.toml')).toBe('440 70 71')
})

test('secrets: waited for, given in memory, changed for their users only, and put back after a reboot', async () => {
  const { fleet, device, stop, state, url } = await set()
  const model = modelOf(
    'shop',
    {
      web: {
        secrets: [{ source: 'key', target: '/run/secrets/key', mode: '0400', uid: '70' }],
        'x-longshore': { secretEnv: { TOKEN: 'token' } },
      },
      other: {},
    },
    { secrets: { key: { external: true }, token: { external: true } } },
  )
  const sent = await send(fleet, device, model)
  const waiting = await reportThat(fleet, device, 'shop', 'waiting', ({ phase }) => phase === 'waiting')
  expect(waiting.waitingFor?.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'secret-missing: secret key of service web was not set, or not for this device',
    'secret-missing: secret token of service web was not set, or not for this device',
  ])
  await setSecrets(fleet, device, { key: 's3cret-one', token: 't0ken' })
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  expect(inside(device, 'web', 'cat', '/run/secrets/key')).toBe('s3cret-one')
  expect(inside(device, 'web', 'stat', '-c', '%a %u', '/run/secrets/key')).toBe('400 70')
  expect(inside(device, 'web', 'sh', '-c', 'echo $TOKEN')).toBe('t0ken')
  expect(() => inside(device, 'web', 'sh', '-c', 'echo x > /run/secrets/key')).toThrow()
  const first = await containersOf(device)
  const inspected = await docker()
    .getContainer(first.find(({ name }) => name.endsWith('web-1'))?.id ?? '')
    .inspect()
  expect(inspected.HostConfig.RestartPolicy?.Name).toBe('on-failure')

  // Nothing of it is on the disk of the device in the clear, nor in what it says.
  const found = execFileSync('sh', ['-c', `grep -rlE 's3cret-one|t0ken' ${state} || true`], { encoding: 'utf8' })
  expect(found).toBe('')
  const said = await fleet.read([fleet.topics.reported(device, 'shop'), fleet.topics.inventory(device)])
  expect([...said.values()].map(String).join()).not.toMatch(/s3cret|t0ken/)

  // The same values, encrypted anew, replace nobody; another one replaces its user.
  await setSecrets(fleet, device, { key: 's3cret-one', token: 't0ken' })
  await setSecrets(fleet, device, { key: 's3cret-two', token: 't0ken' })
  await eventually(
    'the new value to be in the container',
    async () => inside(device, 'web', 'cat', '/run/secrets/key') === 's3cret-two',
  )
  await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  const second = await containersOf(device)
  expect(second[0]?.id).toBe(first[0]?.id)
  expect(second[1]?.id).not.toBe(first[1]?.id)

  // A reboot: what was in memory is gone, and the engine could not start the container.
  await stop()
  await docker().getContainer(String(second[1]?.id)).stop({ t: 0 })
  await rm(`/dev/shm/longshore-test/${device}`, { recursive: true })
  await expect(docker().getContainer(String(second[1]?.id)).start()).rejects.toThrow(/bind source path does not exist/)
  await startTestAgent({ url, device, state })
  await eventually(
    'the service to run again',
    async () => inside(device, 'web', 'cat', '/run/secrets/key') === 's3cret-two',
  )
  expect((await containersOf(device))[1]?.id).toBe(second[1]?.id)
})

test('a secret for another device, or of nobody, changes nothing', async () => {
  const { fleet, device } = await set()
  const model = modelOf(
    'shop',
    { web: { secrets: [{ source: 'key', target: '/run/secrets/key' }] } },
    { secrets: { key: { external: true } } },
  )
  const topic = fleet.topics.secret(device, 'shop')
  const foreign = { schema: 1, device: 'other', app: 'shop', issuedAt: 1, by: 'x', secrets: {} }
  const unreadable = {
    ...foreign,
    device,
    secrets: { key: { age: Buffer.from('nonsense').toString('base64'), at: 1 } },
  }
  for (const message of [foreign, unreadable, { nonsense: true }])
    await fleet.publish(topic, writePayload(message), { retain: true })
  await send(fleet, device, model)
  await reportThat(fleet, device, 'shop', 'waiting', ({ phase }) => phase === 'waiting')
  await setSecrets(fleet, device, { key: 'value' })
  await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  expect(inside(device, 'web', 'cat', '/run/secrets/key')).toBe('value')
})

test('several containers of a service answer under its one name', async () => {
  const { fleet, device } = await set()
  const model = (replicas: number) =>
    modelOf('shop', { web: { deploy: { replicas, update_config: { monitor: '200ms' } } }, client: {} })
  expect(await deployAndWait(fleet, device, model(3))).toEqual(succeeded)
  expect((await containersOf(device)).map(({ name }) => name.slice(device.length + 1))).toEqual([
    'shop-client-1',
    'shop-web-1',
    'shop-web-2',
    'shop-web-3',
  ])
  const answers = inside(device, 'client', 'nslookup', 'web')
  expect(answers.match(/^Address.*: (?!127)/gm)).toHaveLength(3)
  expect(await deployAndWait(fleet, device, model(1))).toEqual(succeeded)
  await eventually('two to be gone', async () => (await containersOf(device)).length === 2)
})
