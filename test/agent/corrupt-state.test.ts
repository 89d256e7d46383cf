/** State that cannot be understood is set aside and told of; the rest comes back from the broker and the containers. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/agent.ts'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { memoryFiles } from '../../agent/files/memory-files.ts'
import { fixedPolicy } from '../../agent/fixed-policy.ts'
import { usualHealthLimits } from '../../agent/health/health-limits.ts'
import { createLogRing } from '../../agent/log-ring.ts'
import { openIdentity } from '../../agent/secrets/identity.ts'
import { openSecretStore, readIfThere } from '../../agent/secrets/secret-store.ts'
import { openFileStore } from '../../agent/store/file-store.ts'
import { replaceText } from '../../agent/store/record-file.ts'
import { deploy } from '../../src/fleet/deploy.ts'
import { readState } from '../../src/fleet/read-state.ts'
import { readRecipient } from '../../src/fleet/recipient.ts'
import { putSecrets } from '../../src/fleet/secrets.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { openFleet, silent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { fixedHardware } from '../support/fixed-hardware.ts'
import { noDeviceNodes } from '../support/hardware.ts'
import { memoryOutbox } from '../support/memory-outbox.ts'
import { modelOf } from '../support/models.ts'

const device = 'gw-1'
const image = 'longshore/example:1'

/** A device with one app that runs, whose agent is stopped. */
const set = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-corrupt-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const fleet = await openFleet(url)
  const engine = simulatedEngine({ now: Date.now })
  engine.controls.addImage(image, 'sha256:one')

  const start = async () => {
    const identityFile = join(folder, 'identity')
    const agent = createAgent({
      telemetry: 'off',
      health: usualHealthLimits,
      device,
      clientId: device,
      broker: { url },
      root: 'longshore',
      namePrefix: '',
      maxBytes: 256 * 1024,
      policy: fixedPolicy(),
      keepaliveS: 30,
      reconnectMaxMs: 60_000,
      lookEveryMs: 60_000,
      keepReleases: 3,
      readDisk: async () => undefined,
      timeZone: () => 'UTC',
      builtAt: 0,
      registryMirrors: {},
      registryCredentials: async () => undefined,
      version: 'test',
      engine,
      files: memoryFiles(),
      identity: await openIdentity(await readIfThere(identityFile), (text) => replaceText(identityFile, text)),
      secretStore: await openSecretStore(folder, silent),
      store: await openFileStore(folder, silent),
      outbox: await memoryOutbox(),
      deviceNodes: noDeviceNodes,
      hardware: fixedHardware(),
      hostFacts: async () => ({
        hostname: 'test',
        os: { name: '', version: '', kernel: '' },
        arch: 'x64',
        cpuCount: 1,
        memoryBytes: 1,
      }),
      log: silent,
      ownLog: createLogRing(Date.now),
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      random: Math.random,
    })
    onTestFinished(agent.stop)
    agent.start()
    return agent
  }
  const state = async () => {
    const topics = [fleet.topics.inventory(device), fleet.topics.reported(device, '+')]
    return readState(fleet.topics, await fleet.read(topics)).get(device)
  }
  const until = (what: string, holds: (reported: Reported) => boolean): Promise<Reported> =>
    eventually(what, async () => {
      const reported = (await state())?.apps.get('shop')?.reported
      return reported !== undefined && holds(reported) ? reported : undefined
    })
  const inventoryOf = (agentStartedAfter: number) =>
    eventually('the inventory of the new agent', async () => {
      const inventory = (await state())?.inventory
      return inventory !== undefined && inventory.agent.startedAt >= agentStartedAfter ? inventory : undefined
    })

  const model = modelOf('shop', { web: { image, deploy: { update_config: { monitor: '10ms' } } } })
  const send = (now: number) => deploy(fleet, { compose: model, files: {} }, { device, app: 'shop', by: 'test', now })
  const agent = await start()
  const { deployment } = await send(Date.now())
  const before = await until('shop to run', ({ outcome }) => outcome === 'succeeded')
  await agent.stop()
  const callsBefore = engine.controls.calls.length
  /** what was done to containers since */
  const changes = () =>
    engine.controls.calls.slice(callsBefore).filter(({ kind }) => /^(create|start|stop|remove|rename|pull)/.test(kind))
  return { folder, fleet, engine, start, until, inventoryOf, deployment, before, changes }
}

const record = (folder: string) => join(folder, 'apps', 'shop.json')

test.each([
  ['truncated', (text: string) => text.slice(0, text.length / 2)],
  ['garbage', () => '\u0000\u0001\u0002'],
  ['of a newer format', (text: string) => text.replace('"format":1', '"format":2')],
])(
  'a record that is %s is set aside, told of, and rebuilt; the healthy container is not touched',
  async (_name, spoil) => {
    const { folder, start, until, inventoryOf, before, changes } = await set()
    await writeFile(record(folder), spoil(await readFile(record(folder), 'utf8')))
    const at = Date.now()
    await start()
    const after = await until(
      'shop to run again',
      ({ outcome, session }) => outcome === 'succeeded' && session !== before.session,
    )
    expect(after).toMatchObject({ generation: before.generation, running: before.running, services: before.services })
    expect(changes()).toEqual([])
    expect((await inventoryOf(at)).faults).toEqual([
      { code: 'state-unusable', message: expect.stringContaining('apps/shop.json.unreadable') },
    ])
  },
)

test('an older deployment than was reported is refused, also after another restart', async () => {
  const { folder, fleet, start, until, deployment, changes } = await set()
  await writeFile(record(folder), '')
  const older = { ...deployment, generation: deployment.generation - 5 }
  await fleet.publish(fleet.topics.desired(device, 'shop'), Buffer.from(JSON.stringify(older)), { retain: true })
  const agent = await start()
  await until('the refusal', ({ refused }) => refused?.outcome === 'stale')
  await agent.stop()
  await start()
  await eventually(
    'the record',
    async () => JSON.parse(await readFile(record(folder), 'utf8')).generationSeen === deployment.generation,
  )
  await until('the refusal still', ({ refused, generation }) => refused?.outcome === 'stale' && generation === null)
  expect(changes()).toEqual([])
})

test('an app that nobody assigns any more is told of, and runs on', async () => {
  const { folder, fleet, start, until, changes } = await set()
  await writeFile(record(folder), '')
  await fleet.publish(fleet.topics.desired(device, 'shop'), Buffer.alloc(0), { retain: true })
  await start()
  await until('what is lost', ({ waitingFor }) => waitingFor?.some(({ code }) => code === 'state-unusable') === true)
  expect(changes()).toEqual([])
})

test('the record of the device: the agent connects as before', async () => {
  const { folder, start, inventoryOf, before } = await set()
  await writeFile(join(folder, 'device.json'), '{')
  const at = Date.now()
  await start()
  const inventory = await inventoryOf(at)
  expect(inventory.session).toBeGreaterThanOrEqual(before.session)
  expect(inventory.faults?.[0]?.message).toContain('device.json.unreadable')
})

test('a file of secrets: they are taken again from the broker', async () => {
  const { folder, fleet, start, inventoryOf, until } = await set()
  const agent = await start()
  const recipient = await eventually('the key', () => readRecipient(fleet, device))
  const password = { password: Buffer.from('s3cret') }
  await putSecrets(fleet, { device, app: 'shop', by: 'test', now: Date.now(), set: password, remove: [], recipient })
  const file = join(folder, 'secrets', 'shop.json')
  const stored = await eventually('the secrets to be stored', () => readIfThere(file))
  await agent.stop()
  await writeFile(file, stored.slice(0, 20))
  const at = Date.now()
  await start()
  await eventually('the secrets again', async () => (await readIfThere(file)) === stored)
  expect((await inventoryOf(at)).faults?.[0]?.message).toContain('secrets/shop.json.unreadable')
  await until('shop to run', ({ running }) => running !== null)
})

test('the key of the device is never replaced: the apps run on, and the inventory says what to do', async () => {
  const { folder, start, inventoryOf, until, before } = await set()
  await writeFile(join(folder, 'identity'), '# recipient: age1')
  const at = Date.now()
  await start()
  const inventory = await inventoryOf(at)
  expect(inventory.recipient).toBeUndefined()
  expect(inventory.faults?.[0]?.message).toContain('put it back from a backup')
  await until('shop to run', ({ session, running }) => session !== before.session && running !== null)
  expect(await readFile(join(folder, 'identity'), 'utf8')).toBe('# recipient: age1')
})
