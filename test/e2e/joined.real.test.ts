/** Services that share a container's parts with another, links, and privileged: on a real engine, through an update. */
import { expect, onTestFinished, test } from 'vitest'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, send } from '../support/story.ts'

const set = async (options: { readonly allowPrivileged?: boolean } = {}) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, ...options })
  return { device, fleet: await openFleet(url) }
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }

const inspect = (name: string) => docker().getContainer(name).inspect()

test('who joins processes, memory and volumes of another follows it when it is replaced', async () => {
  const { device, fleet } = await set()
  const model = (title: string) =>
    modelOf(
      'hello',
      {
        host: {
          environment: { TITLE: title },
          ipc: 'shareable',
          volumes: [{ type: 'volume', source: 'data', target: '/data' }],
        },
        helper: { pid: 'service:host', ipc: 'service:host', volumes_from: ['host:ro'] },
        other: {},
      },
      { volumes: { data: {} } },
    )
  expect(await deployAndWait(fleet, device, model('one'))).toEqual(succeeded)
  const before = await containersOf(device)
  expect(await deployAndWait(fleet, device, model('two'))).toEqual(succeeded)
  const after = await containersOf(device)

  expect(after.map(({ name, state }) => [name, state])).toEqual([
    [`${device}-hello-helper-1`, 'running'],
    [`${device}-hello-host-1`, 'running'],
    [`${device}-hello-other-1`, 'running'],
  ])
  expect(after.map(({ id }, index) => id === before[index]?.id)).toEqual([false, false, true])
  const helper = await inspect(`${device}-hello-helper-1`)
  const hostId = String(after[1]?.id)
  expect(helper.HostConfig).toMatchObject({ PidMode: `container:${hostId}`, IpcMode: `container:${hostId}` })
  expect(helper.Mounts).toMatchObject([{ Name: `${device}-hello_data`, Destination: '/data', RW: false }])
}, 120_000)

test('a link is an alias of the service that it names', async () => {
  const { device, fleet } = await set()
  const model = modelOf('hello', { api: { links: ['web:www'] }, web: {} })
  expect(await deployAndWait(fleet, device, model)).toEqual(succeeded)
  const { NetworkSettings } = await inspect(`${device}-hello-web-1`)
  expect(NetworkSettings.Networks[`${device}-hello_default`]?.Aliases).toContain('www')
})

test('a privileged service is made where the device allows it, and nowhere else', async () => {
  const model = modelOf('hello', { web: { privileged: true } })
  const strict = await set()
  expect(await deployAndWait(strict.fleet, strict.device, model)).toMatchObject({
    isSuccess: false,
    outcome: 'rejected',
    reason: { code: 'policy-refused' },
  })
  expect(await containersOf(strict.device)).toEqual([])

  const { device, fleet } = await set({ allowPrivileged: true })
  await send(fleet, device, model)
  // Made, and not that it runs: an engine that is in a container itself has not all that it would have to give.
  // One that could not be started is made anew before the next try, so that it may be gone for a moment.
  await eventually('the container to be made', async () => {
    const { HostConfig } = await inspect(`${device}-hello-web-1`)
    expect(HostConfig.Privileged).toBe(true)
    return true
  })
})
