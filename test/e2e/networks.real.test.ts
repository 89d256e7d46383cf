/** Networks and volumes on a real engine: what was defined is what is there, also when the definition changes. */
import { expect, onTestFinished, test } from 'vitest'
import { assignRemoval } from '../../src/fleet/deploy.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const succeeded = { isSuccess: true, outcome: 'succeeded' }

const set = async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  return { device, fleet: await openFleet(url) }
}

const newSubnet = (): string => `10.${100 + Math.floor(Math.random() * 90)}.${Math.floor(Math.random() * 256)}.`

test('a changed subnet: the network is made anew, every service is on it, and anonymous data is still there', async () => {
  const { device, fleet } = await set()
  const model = (subnet: string) =>
    modelOf(
      'hello',
      {
        web: { networks: { plant: { ipv4_address: `${subnet}50` } }, volumes: [{ type: 'volume', target: '/data' }] },
        worker: { networks: { plant: {} }, depends_on: { web: { condition: 'service_started' } } },
      },
      { networks: { plant: { ipam: { config: [{ subnet: `${subnet}0/24` }] } } } },
    )
  const addressOf = async (id: string) =>
    (await docker().getContainer(id).inspect()).NetworkSettings.Networks[`${device}-hello_plant`]?.IPAddress
  const volumeOf = async (id: string) => (await docker().getContainer(id).inspect()).Mounts[0]?.Name

  const [first, second] = [newSubnet(), newSubnet()]
  expect(await deployAndWait(fleet, device, model(first))).toEqual(succeeded)
  const [before] = await containersOf(device)
  expect(await addressOf(String(before?.id))).toBe(`${first}50`)
  const volume = await volumeOf(String(before?.id))

  expect(await deployAndWait(fleet, device, model(second))).toEqual(succeeded)
  const containers = await containersOf(device)
  expect(containers.map(({ name, state }) => [name, state])).toEqual([
    [`${device}-hello-web-1`, 'running'],
    [`${device}-hello-worker-1`, 'running'],
  ])
  expect(await addressOf(String(containers[0]?.id))).toBe(`${second}50`)
  expect(await addressOf(String(containers[1]?.id))).toMatch(new RegExp(`^${second.replaceAll('.', '\\.')}`))
  expect(await volumeOf(String(containers[0]?.id))).toBe(volume)
})

test('an external network and an external volume are waited for, used, and left behind', async () => {
  const { device, fleet } = await set()
  const name = `${device}-site`
  const model = modelOf(
    'hello',
    { web: { networks: { site: {} }, volumes: [{ type: 'volume', source: 'films', target: '/films' }] } },
    { networks: { site: { external: true, name } }, volumes: { films: { external: true, name } } },
  )
  const sent = await send(fleet, device, model)
  const waitingFor = (...codes: string[]) =>
    reportThat(
      fleet,
      device,
      'hello',
      `waiting for ${codes.join(', ')}`,
      (reported) => JSON.stringify(reported.waitingFor?.map(({ code }) => code)) === JSON.stringify(codes),
    )
  await waitingFor('network-missing', 'volume-missing')
  const network = await docker().createNetwork({ Name: name })
  onTestFinished(() => network.remove())
  await waitingFor('volume-missing')
  await docker().createVolume({ Name: name })
  onTestFinished(() => docker().getVolume(name).remove())
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  const [web] = await containersOf(device)
  const { NetworkSettings, Mounts } = await docker().getContainer(String(web?.id)).inspect()
  expect(Object.keys(NetworkSettings.Networks)).toEqual([name])
  expect(Mounts.map(({ Name }) => Name)).toEqual([name])

  const removal = await assignRemoval(fleet, { volumes: true }, { device, app: 'hello', by: 'test', now: Date.now() })
  expect((await endingFor(fleet, removal)).outcome).toBe('succeeded')
  expect((await network.inspect()).Name).toBe(name)
  expect((await docker().getVolume(name).inspect()).Name).toBe(name)
})
