/** What goes wrong around an agent: a typed reason while it lasts, and recovery by itself when the cause goes. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { docker, newDeviceId, openFleet, removeEverythingOf, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { createEngineProxy } from '../support/engine-proxy.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { containersOf, deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const startBroker = async (): Promise<string> => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  return url
}

const waitsFor =
  (code: string) =>
  (reported: { phase: string | null; waitingFor?: { code: string }[] | undefined }): boolean =>
    reported.phase === 'waiting' && reported.waitingFor?.some((reason) => reason.code === code) === true

const addForeignContainer = async (
  name: string,
  labels: Record<string, string> = {},
): Promise<{ id: string; remove: () => Promise<void> }> => {
  const container = await docker().createContainer({ name, Image: 'longshore/example:1', Labels: labels })
  let isRemoved = false
  const remove = async (): Promise<void> => {
    if (isRemoved) return
    isRemoved = true
    await container.remove({ force: true })
  }
  onTestFinished(remove)
  return { id: container.id, remove }
}

test('a container of that name which is not ours is never touched, and waited for', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const foreign = await addForeignContainer(`${device}-hello-web-1`)
  const sent = await send(fleet, device, modelOf('hello', { web: {}, other: {} }))
  await reportThat(fleet, device, 'hello', 'waiting for the name', waitsFor('name-in-use'))
  expect((await docker().getContainer(foreign.id).inspect()).State.Status).toBe('created')
  // Nothing is half-applied: the service whose name is free does not start either.
  expect((await containersOf(device)).filter(({ state }) => state === 'running')).toEqual([])
  await foreign.remove()
  expect((await endingFor(fleet, sent)).outcome).toBe('succeeded')
})

test('two agents on one engine keep to their own; without a prefix the second is told whose the name is', async () => {
  const url = await startBroker()
  const prefix = `${newDeviceId()}-`
  const [first, second, third] = [
    await startTestAgent({ url, namePrefix: prefix }),
    await startTestAgent({ url, namePrefix: prefix }),
    await startTestAgent({ url, namePrefix: `${prefix}third-` }),
  ]
  const fleet = await openFleet(url)
  const model = modelOf('hello', { web: { network_mode: 'none' } })
  expect((await deployAndWait(fleet, first.device, model)).outcome).toBe('succeeded')
  const sent = await send(fleet, second.device, model)
  const report = await reportThat(fleet, second.device, 'hello', 'waiting for the name', waitsFor('name-taken'))
  expect(report.waitingFor?.[0]?.message).toContain(first.device)
  expect((await deployAndWait(fleet, third.device, model)).outcome).toBe('succeeded')
  expect((await containersOf(first.device)).map(({ state }) => state)).toEqual(['running'])
  // The name is free once the first agent's app is gone.
  await first.stop()
  await removeEverythingOf(first.device)
  expect((await endingFor(fleet, sent)).outcome).toBe('succeeded')
})

test('a network of that name which is not ours is waited for', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const network = await docker().createNetwork({ Name: `${device}-hello_default` })
  let isRemoved = false
  const remove = async (): Promise<void> => {
    if (!isRemoved) await network.remove()
    isRemoved = true
  }
  onTestFinished(remove)
  const sent = await send(fleet, device, modelOf('hello', { web: {} }))
  await reportThat(fleet, device, 'hello', 'waiting for the name', waitsFor('name-in-use'))
  await remove()
  expect((await endingFor(fleet, sent)).outcome).toBe('succeeded')
})

test('a host port that something else holds is named, and taken when it is free', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const holder = createServer().listen(0, '0.0.0.0')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  onTestFinished(() => void holder.close())
  const sent = await send(
    fleet,
    device,
    modelOf('hello', { web: { ports: [{ target: 8080, published: port, protocol: 'tcp' }] } }),
  )
  await reportThat(fleet, device, 'hello', 'waiting for the port', waitsFor('port-in-use'))
  holder.close()
  expect((await endingFor(fleet, sent)).outcome).toBe('succeeded')
})

test('an image that is nowhere is waited for with a reason, and used when it is there; what ran goes on running', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  expect((await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).outcome).toBe('succeeded')
  const before = await containersOf(device)
  const tag = device.toLowerCase()
  const sent = await send(fleet, device, modelOf('hello', { web: { image: `127.0.0.1:9/nowhere/${tag}:1` } }))
  const report = await reportThat(
    fleet,
    device,
    'hello',
    'waiting for the image',
    ({ phase, waitingFor }) => phase === 'waiting' && waitingFor !== undefined,
  )
  expect(['image-not-found', 'image-pull-failed']).toContain(report.waitingFor?.[0]?.code)
  expect(report.running).not.toBeNull()
  expect(await containersOf(device)).toEqual(before)
  await docker()
    .getImage('longshore/example:1')
    .tag({ repo: `127.0.0.1:9/nowhere/${tag}`, tag: '1' })
  onTestFinished(async () => void (await docker().getImage(`127.0.0.1:9/nowhere/${tag}:1`).remove()))
  expect((await endingFor(fleet, sent)).outcome).toBe('succeeded')
})

test('an engine that is not there at the start, and that goes in mid-deployment, is waited for', async () => {
  const url = await startBroker()
  const proxy = await createEngineProxy()
  const { device } = await startTestAgent({ url, engineUrl: proxy.url })
  const fleet = await openFleet(url)
  const first = await send(fleet, device, modelOf('hello', { web: {} }))
  await reportThat(fleet, device, 'hello', 'waiting for the engine', waitsFor('engine-unreachable'))
  await proxy.open()
  expect((await endingFor(fleet, first)).outcome).toBe('succeeded')

  const before = await containersOf(device)
  const sending = send(
    fleet,
    device,
    modelOf('hello', {
      web: { environment: { A: '1' } },
      more: { depends_on: { web: { condition: 'service_started' } } },
    }),
  )
  // Asked of the engine: a report of it may be read only when all is over.
  await eventually('it to be under way', async () => !isDeepStrictEqual(await containersOf(device), before))
  await proxy.shut()
  const second = await sending
  await reportThat(
    fleet,
    device,
    'hello',
    'without an engine',
    ({ waitingFor }) => waitingFor?.[0]?.code === 'engine-unreachable',
  )
  await proxy.open()
  expect((await endingFor(fleet, second)).outcome).toBe('succeeded')
  expect((await containersOf(device)).map(({ name, state }) => [name, state])).toEqual([
    [`${device}-hello-more-1`, 'running'],
    [`${device}-hello-web-1`, 'running'],
  ])
})

test('with no broker in reach an accepted app runs again, and the agent connects when the broker comes', async () => {
  const mosquitto = await startMosquitto()
  onTestFinished(mosquitto.stop)
  const { device, state, stop } = await startTestAgent({ url: mosquitto.url })
  const fleet = await openFleet(mosquitto.url)
  expect((await deployAndWait(fleet, device, modelOf('hello', { web: {} }))).outcome).toBe('succeeded')
  await fleet.close()
  await stop()
  await mosquitto.kill()
  await removeEverythingOf(device)
  await startTestAgent({ url: mosquitto.url, device, state })
  await eventually('the app to run with no broker', async () => (await containersOf(device))[0]?.state === 'running')
  await mosquitto.restart()
  const later = await openFleet(mosquitto.url)
  await reportThat(later, device, 'hello', 'running', ({ phase }) => phase === 'running')
})

test('a service that ends while it is being watched fails the deployment; one that is never healthy fails at the deadline', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  expect(
    await deployAndWait(fleet, device, modelOf('ends', { web: { command: ['sh', '-c', 'sleep 0.3; exit 3'] } })),
  ).toMatchObject({
    outcome: 'failed',
    reason: { path: 'services.web' },
  })
  const sick = { healthcheck: { test: ['CMD', 'false'], interval: '200ms', retries: 1 } }
  const model = modelOf('sick', { web: sick }, { 'x-longshore': { update: { deadline: '2s' } } })
  expect(await deployAndWait(fleet, device, model)).toMatchObject({
    outcome: 'failed',
    reason: { code: 'deadline-exceeded' },
  })
  // An app that failed can always be replaced.
  expect((await deployAndWait(fleet, device, modelOf('ends', { web: {} }))).outcome).toBe('succeeded')
})

test('a job is done once it ended well, and who waits for it starts then', async () => {
  const url = await startBroker()
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const model = modelOf('jobs', {
    migrate: { command: ['sh', '-c', 'sleep 0.5'] },
    web: { depends_on: { migrate: { condition: 'service_completed_successfully' } } },
  })
  expect((await deployAndWait(fleet, device, model)).outcome).toBe('succeeded')
  const report = await reportThat(fleet, device, 'jobs', 'running', ({ phase }) => phase === 'running')
  expect(report.services).toMatchObject({ migrate: { state: 'completed', exitCode: 0 }, web: { state: 'running' } })
  expect(
    await deployAndWait(fleet, device, modelOf('broken', { job: { restart: 'no', command: ['false'] } })),
  ).toMatchObject({ outcome: 'failed', reason: { code: 'job-failed' } })
})
