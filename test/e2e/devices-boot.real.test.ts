/** Devices of containers that an engine starts by itself, and on an engine with the unified hierarchy of cgroups. */
import { rm } from 'node:fs/promises'
import Docker from 'dockerode'
import { expect, onTestFinished, test } from 'vitest'
import { prepare } from '../../agent/prepare.ts'
import type { DeviceSelector } from '../../src/compose/model-device-selectors.ts'
import { newDeviceId, openFleet, silent, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { execIn } from '../support/exec-in.ts'
import { modelOf } from '../support/models.ts'
import { type PrivateDockerdOptions, startPrivateDockerd } from '../support/private-dockerd.ts'
import { deployAndWait } from '../support/story.ts'
import { makeTestPorts, readConsole } from '../support/test-ports.ts'

const minors = [55, 56] as const

const plc: DeviceSelector = { match: { serialNumber: 'A1' }, target: '/dev/ttyPLC' }

const open = async (options: PrivateDockerdOptions, selector = plc) => {
  const dockerd = await startPrivateDockerd(options)
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const device = newDeviceId()
  const ports = await makeTestPorts(
    device,
    minors.map((minor) => ({ serial: 'A1', major: 4, minor })),
  )
  const forgetAliases = () => rm(`/dev/longshore/${device}`, { recursive: true, force: true })
  onTestFinished(forgetAliases)
  const start = (state?: string) =>
    startTestAgent({
      ...{ url, device, hardware: ports.openHardware(), engineUrl: dockerd.url },
      ...(state === undefined ? {} : { state }),
    })
  const agent = await start()
  await ports.plug(0)
  const model = modelOf('line', { web: { network_mode: 'none', 'x-longshore': { devices: [selector] } } })
  const fleet = await openFleet(url)
  expect(await deployAndWait(fleet, device, model)).toMatchObject({ outcome: 'succeeded' })
  const engine = new Docker({ socketPath: dockerd.socketPath })
  const container = engine.getContainer(`${device}-line-web-1`)
  const has = (minor: number | undefined) =>
    eventually(`minor ${minor}`, async () => {
      const { State } = await container.inspect()
      const text = State.Running ? await execIn(container.id, 'stat -c %T /dev/ttyPLC 2>/dev/null', engine) : 'no run'
      if (text !== (minor === undefined ? '' : minor.toString(16))) throw new Error(JSON.stringify(State))
      return true
    })
  return { ...ports, start, dockerd, device, agent, engine, container, has, forgetAliases }
}

test('after a power cut the engine alone starts the container with its device, which has another name by then', async () => {
  const { dockerd, device, agent, plug, unplug, root, has, forgetAliases } = await open({ hasOwnProcesses: true })
  await has(minors[0])
  await agent.stop()
  await dockerd.cutPower()
  // What is in memory is gone, and the kernel counts anew.
  await forgetAliases()
  await unplug(0)
  await plug(1)
  await prepare({ device, state: agent.state, policy: '/nonexistent', allowPrivileged: false }, silent, root)
  await dockerd.start()
  await has(minors[1])
}, 120_000)

test('an engine that is killed and started again gives the containers their devices', async () => {
  const { dockerd, unplug, plug, has } = await open({})
  await dockerd.kill()
  await unplug(0)
  await dockerd.start()
  // Whether the engine brings it back without its device or the agent waits for it: it has it in the end.
  await plug(1)
  await has(minors[1])
}, 120_000)

test('after a reboot without it, what can do without its device is started by the agent', async () => {
  const { dockerd, start, agent, unplug, plug, has, forgetAliases, container } = await open(
    {},
    { ...plc, required: false },
  )
  const { Id } = await container.inspect()
  await agent.stop()
  await dockerd.kill()
  await unplug(0)
  await forgetAliases()
  await dockerd.start()
  await eventually('the engine to have given up', async () => (await container.inspect()).State.Status === 'exited')
  await start(agent.state)
  await has(undefined)
  await plug(1)
  await has(minors[1])
  expect((await container.inspect()).Id).toBe(Id)
}, 120_000)

test('where the rules for devices are programs, a device follows all the same, and its neighbours do not', async () => {
  const { engine, container, plug, unplug, has } = await open({ hasUnifiedCgroups: true })
  expect((await engine.info()).CgroupVersion).toBe('2')
  const run = (line: string) => execIn(container.id, line, engine)
  await has(minors[0])
  await run('echo unified > /dev/ttyPLC')
  await eventually('the words', async () => (await readConsole(minors[0])).includes('unified'))
  await unplug(0)
  await has(undefined)
  await plug(1)
  await has(minors[1])
  await run('echo again > /dev/ttyPLC')
  await eventually('the words', async () => (await readConsole(minors[1])).includes('again'))
  expect(await run('mknod /tmp/n c 4 52 2>&1')).toContain('not permitted')
  expect(await run('mknod /tmp/n c 7 52 2>&1')).toContain('not permitted')
}, 120_000)
