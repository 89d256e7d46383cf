/** The policy through a whole agent, over a broker, on a simulated engine: refused, seen by plan, loosened, tightened. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/agent.ts'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { memoryFiles } from '../../agent/files/memory-files.ts'
import { usualHealthLimits } from '../../agent/health/health-limits.ts'
import { createLogRing } from '../../agent/log-ring.ts'
import { openPolicySource } from '../../agent/policy-source.ts'
import { openIdentity } from '../../agent/secrets/identity.ts'
import { memorySecretStore } from '../../agent/secrets/secret-store.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Model } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import { readState } from '../../src/fleet/read-state.ts'
import type { Command } from '../../src/protocol/command.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { openFleet } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { app, serviceModel } from '../support/builders.ts'
import { eventually } from '../support/eventually.ts'
import { fixedHardware } from '../support/fixed-hardware.ts'
import { noDeviceNodes } from '../support/hardware.ts'
import { memoryOutbox } from '../support/memory-outbox.ts'
import { send } from '../support/story.ts'
import { openLine } from '../support/tcp-line.ts'

const device = 'gw-1'

const set = async (policyText?: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-policy-agent-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const line = await openLine(Number(new URL(url).port))
  const write = (text: string) => writeFile(join(folder, 'policy.yaml'), text)
  if (policyText !== undefined) await write(policyText)
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const engine = simulatedEngine({ now: Date.now })
  engine.controls.addImage('web:1', 'sha256:web1')
  const policy = await openPolicySource({
    file: join(folder, 'policy.yaml'),
    stateFolder: folder,
    allowPrivileged: false,
    own: { folders: [folder], engineSockets: [] },
    log,
  })
  const agent = createAgent({
    telemetry: 'off',
    health: usualHealthLimits,
    device,
    clientId: device,
    broker: { url: line.url },
    root: 'longshore',
    namePrefix: '',
    maxBytes: 256 * 1024,
    policy,
    keepaliveS: 30,
    reconnectMaxMs: 60_000,
    lookEveryMs: 60_000,
    keepReleases: 3,
    readDisk: async () => undefined,
    registryMirrors: {},
    registryCredentials: async () => undefined,
    version: 'test',
    engine,
    files: memoryFiles(),
    identity: await openIdentity(undefined, async () => undefined),
    secretStore: memorySecretStore(),
    store: memoryStore(),
    outbox: await memoryOutbox(),
    timeZone: () => 'UTC',
    builtAt: 0,
    deviceNodes: noDeviceNodes,
    hardware: fixedHardware(),
    hostFacts: async () => ({
      hostname: 'test',
      os: { name: '', version: '', kernel: '' },
      arch: 'x64',
      cpuCount: 1,
      memoryBytes: 1,
    }),
    log,
    ownLog: createLogRing(Date.now),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
  })
  onTestFinished(agent.stop)
  agent.start()
  const fleet = await openFleet(url)
  const state = async () => {
    const topics = [fleet.topics.inventory(device), fleet.topics.reported(device, '+')]
    return readState(fleet.topics, await fleet.read(topics)).get(device)
  }
  const until = (what: string, holds: (reported: Reported) => boolean): Promise<Reported> =>
    eventually(what, async () => {
      const reported = (await state())?.apps.get(app)?.reported
      return reported !== undefined && holds(reported) ? reported : undefined
    })
  const command = (verb: string, args: Command['args'] = {}) =>
    ask(fleet, { device, verb, args, timeoutMs: 5_000, now: Date.now() })
  const inventory = async () => (await state())?.inventory
  return {
    engine,
    fleet,
    line,
    lines,
    policy,
    write,
    until,
    command,
    inventory,
    deploy: (model: Model) => send(fleet, device, model),
  }
}

const asJson = (model: Model) => JSON.parse(JSON.stringify(model))
const quick = { deploy: { update_config: { monitor: '0s' } } }
const plain = serviceModel({ web: quick })
const mounting = serviceModel({ web: { ...quick, volumes: [{ type: 'bind', source: '/etc', target: '/x' }] } })

test('refused before anything stops, shown by plan, and accepted as soon as the policy allows it', async () => {
  const { engine, until, command, write, deploy, inventory } = await set()
  await deploy(plain)
  await until('the first to run', ({ outcome }) => outcome === 'succeeded')
  const { id } = engine.controls.container('shop-web-1')

  const reason = { code: 'policy-refused', path: 'compose.services.web.volumes[0]' }
  expect(await command('plan', { app, compose: asJson(mounting) })).toMatchObject({ outcome: 'refused', reason })
  await deploy(mounting)
  const { generation } = await until('the first', () => true)
  const refused = await until('the refusal', (reported) => reported.refused !== undefined)
  expect(refused).toMatchObject({ generation, refused: { outcome: 'rejected', reason } })
  expect(engine.controls.container('shop-web-1')).toMatchObject({ id, state: 'running' })
  expect((await inventory())?.policy).toEqual({ source: 'default', files: [] })

  await write('hostPaths: {/etc: write}')
  await until(
    'the refused to run',
    (reported) => reported.generation === refused.refused?.generation && reported.outcome === 'succeeded',
  )
  expect(engine.controls.container('shop-web-1').id).not.toBe(id)
  await eventually('the inventory to say so', async () => (await inventory())?.policy?.source === 'file')
})

test('what a tighter policy would refuse runs on, and is named; a broken file is in the inventory and changes nothing', async () => {
  const { engine, until, write, deploy, lines, inventory } = await set('hostPaths: {/etc: write}')
  await deploy(mounting)
  await until('it to run', ({ outcome }) => outcome === 'succeeded')
  const { id } = engine.controls.container('shop-web-1')
  await write('hostPaths: {/etc: ')
  await eventually('the fault', async () => (await inventory())?.policy?.fault?.code === 'policy-invalid')
  expect(lines.filter((line) => 'app' in line)).toEqual([])
  await write('hostPaths: {/etc: read}')
  await eventually('the warning', () => lines.some((line) => line.app === app && line.code === 'policy-refused'))
  expect(engine.controls.container('shop-web-1')).toMatchObject({ id, state: 'running' })
  expect((await inventory())?.policy?.fault).toBeUndefined()
})

test('a command that the policy does not name is refused, and no capability', async () => {
  const { command, inventory } = await set('commands: [refresh]')
  await eventually('the device to be there', inventory)
  expect(await command('refresh')).toMatchObject({ outcome: 'done' })
  expect(await command('plan', { app, compose: asJson(plain) })).toMatchObject({
    outcome: 'refused',
    reason: { code: 'policy-refused', path: 'verb' },
  })
  expect((await inventory())?.capabilities).toEqual(['refresh'])
})

test('a policy that changes while the broker is out of reach counts at the next connection', async () => {
  const { until, write, deploy, line, policy } = await set()
  await deploy(mounting)
  await until('the refusal', ({ refused }) => refused !== undefined)
  line.cut()
  await write('hostPaths: {/etc: write}')
  await eventually('the policy', () => policy.status().source === 'file')
  line.mend()
  await until('the refused to run', ({ outcome }) => outcome === 'succeeded')
})
