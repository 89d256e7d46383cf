/** The path of a deployment, over real brokers, to a real engine. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import { assignRemoval } from '../../src/fleet/deploy.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, endingFor, reportOf, reportThat, send } from '../support/story.ts'

const startBroker = async (broker: BrokerUnderTest): Promise<string> => {
  const { url, stop } = await broker.start()
  onTestFinished(stop)
  return url
}

const set = async (broker: BrokerUnderTest) => {
  const url = await startBroker(broker)
  const { device, stop, state } = await startTestAgent({ url })
  return { url, device, stop, state, fleet: await openFleet(url) }
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }

describe.each(brokers)('over $name', (broker) => {
  test('an app is deployed, changed where it changed, and removed without a trace', async () => {
    const { device, fleet } = await set(broker)
    const worker = { depends_on: { web: { condition: 'service_started' as const } } }
    expect(await deployAndWait(fleet, device, modelOf('hello', { web: {}, worker }))).toEqual(succeeded)
    const before = await containersOf(device)
    expect(before.map(({ name, state }) => [name, state])).toEqual([
      [`${device}-hello-web-1`, 'running'],
      [`${device}-hello-worker-1`, 'running'],
    ])

    expect(await deployAndWait(fleet, device, modelOf('hello', { web: { environment: { A: '1' } }, worker }))).toEqual(
      succeeded,
    )
    const after = await containersOf(device)
    expect(after.map(({ name, state }) => [name, state])).toEqual(before.map(({ name, state }) => [name, state]))
    expect(after[0]?.id).not.toBe(before[0]?.id)
    expect(after[1]?.id).toBe(before[1]?.id)

    const removal = await assignRemoval(fleet, { volumes: true }, { device, app: 'hello', by: 'test', now: Date.now() })
    expect((await endingFor(fleet, removal)).outcome).toBe('succeeded')
    expect(await containersOf(device)).toEqual([])
    expect(await docker().listNetworks({ filters: { label: [`io.longshore.agent=${device}`] } })).toEqual([])
    // The instruction goes, and with it what the device says about the app.
    await fleet.publish(fleet.topics.desired(device, 'hello'), Buffer.alloc(0), { retain: true })
    await eventually('the report to be cleared', async () => (await reportOf(fleet, device, 'hello')) === undefined)
  })

  test('the same release again touches no container, and what was deployed while the device was away runs when it is back', async () => {
    const { url, device, fleet, stop, state } = await set(broker)
    expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toEqual(succeeded)
    const before = await containersOf(device)
    expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toEqual(succeeded)
    expect(await containersOf(device)).toEqual(before)

    await stop()
    await send(fleet, device, modelOf('hello', { web: { environment: { A: 'older' } } }))
    const sent = await send(fleet, device, modelOf('hello', { web: { environment: { A: 'newest' } } }))
    expect(await containersOf(device)).toEqual(before)
    await startTestAgent({ url, device, state })
    expect(await endingFor(fleet, sent)).toEqual(succeeded)
    const [container] = await containersOf(device)
    expect((await docker().getContainer(String(container?.id)).inspect()).Config.Env).toContain('A=newest')
  })

  test('plan tells what a deployment would do, and does nothing', async () => {
    const { device, fleet } = await set(broker)
    expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toEqual(succeeded)
    const before = await containersOf(device)
    const changed = modelOf('hello', { web: { environment: { A: '1' } } })
    const reply = await ask(fleet, {
      device,
      verb: 'plan',
      args: { app: 'hello', compose: changed as never },
      timeoutMs: 10_000,
      now: Date.now(),
    })
    const name = `${device}-hello-web-1`
    expect(reply).toMatchObject({
      outcome: 'done',
      result: {
        operations: [
          `create-container ${name}.next  (service web changed: environment)`,
          `stop-container ${name}  (service web takes its place)`,
          `start-container ${name}.next  (service web is to run)`,
          `remove-container ${name}  (service web was replaced)`,
          `rename-container ${name}.next to ${name}  (service web was replaced)`,
        ],
        pulls: [],
        waits: [],
      },
    })
    expect(await containersOf(device)).toEqual(before)
    const same = await ask(fleet, {
      device,
      verb: 'plan',
      args: { app: 'hello', compose: modelOf('hello', { web: {} }) as never },
      timeoutMs: 10_000,
      now: Date.now(),
    })
    expect(same).toMatchObject({ outcome: 'done', result: { operations: [], pulls: [], waits: [] } })
    const refused = await ask(fleet, {
      device,
      verb: 'plan',
      args: { app: 'hello', compose: { name: 'hello', services: {} } },
      timeoutMs: 10_000,
      now: Date.now(),
    })
    expect(refused).toMatchObject({ outcome: 'refused', reason: { code: 'value-invalid', path: 'compose.services' } })
  })
})

test('a container killed by hand runs again', async () => {
  const { device, fleet } = await set(brokers[0] as BrokerUnderTest)
  expect(await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).toEqual(succeeded)
  const id = String((await containersOf(device))[0]?.id)
  const before = (await docker().getContainer(id).inspect()).State.StartedAt
  await docker().getContainer(id).kill()
  await eventually('the killed container to run again', async () => {
    const { State } = await docker().getContainer(id).inspect()
    return State.Running && State.StartedAt !== before
  })
  await reportThat(fleet, device, 'hello', 'running again', ({ phase }) => phase === 'running')
})
