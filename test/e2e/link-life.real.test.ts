/** How an agent and its link come, go and meet others of the same name; and clocks that are wrong meanwhile. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { readState } from '../../src/fleet/read-state.ts'
import { newDeviceId, openFleet } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { startEventCounter } from '../support/event-counter.ts'
import { eventually } from '../support/eventually.ts'
import { type LinkedAgent, newSimulatedEngine, newStateFolder, startLinkedAgent } from '../support/linked-agent.ts'
import { deployAndWait, endingFor, send } from '../support/story.ts'
import { openLine } from '../support/tcp-line.ts'

const shop = (release: string) => ({
  name: 'shop',
  services: {
    web: { image: 'web:1', environment: { RELEASE: release }, deploy: { update_config: { monitor: '100ms' } } },
  },
})

const open = async (broker = brokers[0] as BrokerUnderTest) => {
  const { url, stop } = await broker.start()
  onTestFinished(stop)
  return { url, line: await openLine(Number(new URL(url).port)), fleet: await openFleet(url) }
}

const stateOf = async (fleet: Fleet, device: string) => {
  const { status, inventory } = fleet.topics
  return readState(fleet.topics, await fleet.read([status(device), inventory(device)])).get(device)
}

const connections = ({ log }: LinkedAgent): number => log.filter(({ msg }) => msg === 'connected').length

test.each(brokers.map((broker) => [broker.name, broker] as const))(
  'two agents with a copy of one state, on %s: both find out, say it, and slow down',
  async (_name, broker) => {
    const { url, fleet } = await open(broker)
    const device = newDeviceId()
    const state = await newStateFolder()
    const first = await startLinkedAgent({ url, device, state })
    await eventually('the first one', async () => (await stateOf(fleet, device))?.inventory !== undefined)
    await first.stop()
    // Numbers above the clock's, so that both count from the same one.
    const file = join(state, 'device.json')
    const record = JSON.parse(await readFile(file, 'utf8')) as { session: number }
    const text = JSON.stringify(record)
    await writeFile(file, text.replace(`"session":${record.session}`, '"session":9000000000'))
    const copy = await newStateFolder()
    await cp(state, copy, { recursive: true })

    const counter = await startEventCounter(url, device)
    const agents = [
      await startLinkedAgent({ url, device, state }),
      await startLinkedAgent({ url, device, state: copy }),
    ]
    const hasFound = ({ log }: LinkedAgent): boolean => log.some(({ code }) => code === 'device-id-in-use')
    await eventually('both to find out', () => agents.every(hasFound), { timeoutMs: 10_000 })
    await eventually('the alarm', () => counter.kinds().get('device-id-in-use') !== undefined, { timeoutMs: 30_000 })
    await eventually('the fault', async () =>
      (await stateOf(fleet, device))?.inventory?.faults?.some(({ code }) => code === 'device-id-in-use'),
    )
    const before = agents.map(connections).reduce((sum, count) => sum + count)
    const sinceMs = performance.now()
    await eventually('two seconds', () => performance.now() - sinceMs > 2_000)
    expect(agents.map(connections).reduce((sum, count) => sum + count) - before).toBeLessThanOrEqual(3)
  },
)

test('a second agent on the state folder of one that runs does not start, and the first goes on', async () => {
  const { url, fleet } = await open()
  const agent = await startLinkedAgent({ url })
  const counter = await startEventCounter(url, agent.device)
  await expect(startLinkedAgent({ url, state: agent.state })).rejects.toMatchObject({
    code: 'state-unusable',
    message: expect.stringContaining('another agent runs on'),
  })
  await deployAndWait(fleet, agent.device, shop('1'))
  await eventually('the event', () => counter.kinds().get('deployment-succeeded') === 1)
  expect(connections(agent)).toBe(1)
})

test('a planned stop sends what is queued, then says that the device is offline', async () => {
  const { url, fleet } = await open()
  const agent = await startLinkedAgent({ url })
  const counter = await startEventCounter(url, agent.device)
  await deployAndWait(fleet, agent.device, shop('1'))
  await agent.stop()
  await eventually('the last event', () => counter.kinds().get('agent-stopped') === 1)
  expect((await stateOf(fleet, agent.device))?.status?.online).toBe(false)
  expect(counter.gaps()).toEqual([])
})

test('the late will of an older connection is corrected', async () => {
  const { url, fleet } = await open()
  const agent = await startLinkedAgent({ url })
  const status = async () => (await stateOf(fleet, agent.device))?.status
  const birth = await eventually('the birth', async () => (await status()) ?? undefined)
  const will = { ...birth, online: false, session: birth.session - 1 }
  const topic = fleet.topics.status(agent.device)
  await fleet.publish(topic, Buffer.from(JSON.stringify(will)), { retain: true })
  await eventually('the birth again', async () => {
    const now = await status()
    return now?.online === true && now.session === birth.session
  })
})

test.each(['cut', 'freeze'] as const)(
  'a stop while the link is away (%s) takes no 3 seconds, and what was kept comes after the next start',
  async (how) => {
    const { url, line, fleet } = await open()
    const [state, engine] = [await newStateFolder(), newSimulatedEngine()]
    const agent = await startLinkedAgent({ url: line.url, state, engine })
    const counter = await startEventCounter(url, agent.device)
    await deployAndWait(fleet, agent.device, shop('1'))
    line[how]()
    engine.controls.exitContainer('shop-web-1', 1)
    await eventually('it to run again', () => engine.controls.container('shop-web-1').state === 'running')
    const sinceMs = performance.now()
    await agent.stop()
    expect(performance.now() - sinceMs).toBeLessThan(3_000)
    line.mend()
    await startLinkedAgent({ url: line.url, device: agent.device, state, engine })
    await eventually('the end of the first', () => counter.kinds().get('agent-stopped') === 1)
    await eventually('the second', () => counter.kinds().get('agent-started') === 2)
    expect(counter.gaps()).toEqual([])
  },
)

test('a clock at 0 at the start, set later: deployed, commanded, and told of with the right time', async () => {
  const { url, fleet } = await open()
  let isSet = false
  const startMs = performance.now()
  const nowMs = () => (isSet ? Date.now() : Math.round(performance.now() - startMs))
  const agent = await startLinkedAgent({ url, nowMs })
  expect(await deployAndWait(fleet, agent.device, shop('1'))).toMatchObject({ outcome: 'succeeded' })
  const question = { device: agent.device, verb: 'history', args: { app: 'shop' }, timeoutMs: 10_000, now: Date.now() }
  expect(await ask(fleet, question)).toMatchObject({ outcome: 'done' })
  // Older than what was deployed since: that much a clock at 0 knows.
  const old = { ...question, now: Date.now() - 60_000 }
  expect(await ask(fleet, old)).toMatchObject({ outcome: 'expired' })
  isSet = true
  await eventually('the birth with the right time', async () => {
    const at = (await stateOf(fleet, agent.device))?.status?.at ?? 0
    return Math.abs(at - Date.now()) < 60_000
  })
  expect(await endingFor(fleet, await send(fleet, agent.device, shop('2')))).toMatchObject({ outcome: 'succeeded' })
})

test('a clock that jumps back by 10 years: what is newest still runs, and commands are answered', async () => {
  const { url, fleet } = await open()
  let byMs = 0
  const agent = await startLinkedAgent({ url, nowMs: () => Date.now() - byMs })
  expect(await deployAndWait(fleet, agent.device, shop('1'))).toMatchObject({ outcome: 'succeeded' })
  byMs = 10 * 365 * 86_400_000
  expect(await deployAndWait(fleet, agent.device, shop('2'))).toMatchObject({ outcome: 'succeeded' })
  const question = { device: agent.device, verb: 'history', args: { app: 'shop' }, timeoutMs: 10_000, now: Date.now() }
  expect(await ask(fleet, question)).toMatchObject({ outcome: 'done' })
})

test('with a clock in 2106 a device deploys and reports; its refusal of a command carries its time', async () => {
  const { url, fleet } = await open()
  const nowMs = () => Date.now() + 80 * 365.25 * 86_400_000
  const agent = await startLinkedAgent({ url, nowMs })
  expect(await deployAndWait(fleet, agent.device, shop('1'))).toMatchObject({ outcome: 'succeeded' })
  const reply = await ask(fleet, {
    device: agent.device,
    verb: 'refresh',
    args: {},
    timeoutMs: 10_000,
    now: Date.now(),
  })
  expect(reply).toMatchObject({ outcome: 'expired' })
  expect(reply.at).toBeGreaterThan(Date.now() + 79 * 365 * 86_400_000)
})

test('two brokers of one site: it goes on at the second, and back at the first keeps the newest, whatever is retained there', async () => {
  const first = await open()
  const second = await open(brokers.at(-1) as BrokerUnderTest)
  const device = newDeviceId()
  const engine = newSimulatedEngine()
  await startLinkedAgent({ url: `${first.line.url},${second.line.url}`, device, engine })
  const releaseAt = async ({ fleet }: { fleet: Fleet }): Promise<string | null | undefined> => {
    const state = readState(fleet.topics, await fleet.read([fleet.topics.reported(device, 'shop')]))
    return state.get(device)?.apps.get('shop')?.reported?.release
  }
  const isOnlineAt = async ({ fleet }: { fleet: Fleet }) => (await stateOf(fleet, device))?.status?.online === true
  expect(await deployAndWait(first.fleet, device, shop('1'))).toMatchObject({ outcome: 'succeeded' })
  const older = await releaseAt(first)

  first.line.cut()
  await eventually('it at the second', () => isOnlineAt(second), { timeoutMs: 30_000 })
  await eventually('its report there', async () => (await releaseAt(second)) === older)
  expect(await deployAndWait(second.fleet, device, shop('2'))).toMatchObject({ outcome: 'succeeded' })
  const newer = await releaseAt(second)
  expect(newer).not.toBe(older)
  const creates = () => engine.controls.calls.filter(({ kind }) => kind === 'createContainer').length
  const made = creates()

  first.line.mend()
  second.line.cut()
  await eventually('it at the first again', async () => (await releaseAt(first)) === newer, { timeoutMs: 30_000 })
  expect(creates()).toBe(made)
}, 90_000)
