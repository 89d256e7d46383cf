/** The path of a deployment over real brokers to a real engine. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import { assignRemoval, type Deployed, deploy } from '../../src/fleet/deploy.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Ending } from '../../src/fleet/outcome.ts'
import { waitForEnding } from '../../src/fleet/wait.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'

const startBroker = async (broker: BrokerUnderTest): Promise<string> => {
  const { url, stop } = await broker.start()
  onTestFinished(stop)
  return url
}

const run = (fleet: Fleet, device: string, model: Model): Promise<Deployed> =>
  deploy(fleet, model, { device, app: model.name, by: 'test', now: Date.now() })

const ending = (fleet: Fleet, { deployment, before }: Deployed, timeoutMs = 30_000): Promise<Ending> =>
  waitForEnding(fleet, { deployment, before, timeoutMs, onEvent: () => undefined })

const containersOf = async (device: string) =>
  (await docker().listContainers({ all: true, filters: { label: [`io.longshore.agent=${device}`] } }))
    .map(({ Names, State, Id }) => ({ name: Names[0], state: State, id: Id }))
    .sort((a, b) => String(a.name).localeCompare(String(b.name)))

describe.each(brokers)('over $name', (broker) => {
  test('an app is deployed, changed, and removed', async () => {
    const url = await startBroker(broker)
    const { device } = await startTestAgent({ url })
    const fleet = await openFleet(url)
    const first = modelOf('hello', { web: {}, worker: { depends_on: { web: { condition: 'service_started' } } } })
    expect(await ending(fleet, await run(fleet, device, first))).toEqual({ isSuccess: true, outcome: 'succeeded' })
    const before = await containersOf(device)
    expect(before.map(({ name, state }) => [name, state])).toEqual([
      [`/${device}-hello-web-1`, 'running'],
      [`/${device}-hello-worker-1`, 'running'],
    ])

    const second = modelOf('hello', {
      web: { environment: { A: '1' } },
      worker: { depends_on: { web: { condition: 'service_started' } } },
    })
    expect(await ending(fleet, await run(fleet, device, second))).toEqual({ isSuccess: true, outcome: 'succeeded' })
    const after = await containersOf(device)
    expect(after.map(({ name, state }) => [name, state])).toEqual(before.map(({ name, state }) => [name, state]))
    expect(after[0]?.id).not.toBe(before[0]?.id)
    expect(after[1]?.id).toBe(before[1]?.id)

    const removal = await assignRemoval(fleet, true, { device, app: 'hello', by: 'test', now: Date.now() })
    expect((await ending(fleet, removal)).outcome).toBe('succeeded')
    expect(await containersOf(device)).toEqual([])
    expect(await docker().listNetworks({ filters: { label: [`io.longshore.agent=${device}`] } })).toEqual([])
  })
})

test('a container killed by hand runs again', async () => {
  const url = await startBroker(brokers[0] as BrokerUnderTest)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  expect((await ending(fleet, await run(fleet, device, modelOf('hello', { web: {} })))).outcome).toBe('succeeded')
  const id = String((await containersOf(device))[0]?.id)
  const before = (await docker().getContainer(id).inspect()).State.StartedAt
  await docker().getContainer(id).kill()
  await eventually('the killed container to run again', async () => {
    const { State } = await docker().getContainer(id).inspect()
    return State.Running && State.StartedAt !== before
  })
})
