/** Releases that cannot work, each on a real engine: a clear reason, and the app can always be replaced. */
import { expect, onTestFinished, test } from 'vitest'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, reportThat } from '../support/story.ts'

const open = async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  return { device, fleet: await openFleet(url) }
}

const alone = { network_mode: 'none' }
const quick = { ...alone, deploy: { update_config: { monitor: '1s' }, rollback_config: { monitor: '500ms' } } }
const good = modelOf('shop', { web: quick })

test('a service that needs more memory than its limit is named as out of memory, and rolled back', async () => {
  const { device, fleet } = await open()
  expect(await deployAndWait(fleet, device, good)).toMatchObject({ outcome: 'succeeded' })
  const greedy = {
    ...quick,
    mem_limit: 8_000_000,
    command: ['sh', '-c', 'sleep 0.3; tail /dev/zero'],
    restart: 'unless-stopped',
  }
  const ending = await deployAndWait(fleet, device, modelOf('shop', { web: greedy }))
  expect(ending).toMatchObject({
    outcome: 'rolled-back',
    reason: { message: expect.stringMatching(/out of memory|137/) },
  })
})

test('a service that never gets healthy is rolled back at its deadline', async () => {
  const { device, fleet } = await open()
  expect(await deployAndWait(fleet, device, good)).toMatchObject({ outcome: 'succeeded' })
  const sick = { ...quick, healthcheck: { test: ['CMD', 'false'], interval: '1s', retries: 1 } }
  const model = modelOf('shop', { web: sick }, { 'x-longshore': { update: { deadline: '4s' } } })
  expect(await deployAndWait(fleet, device, model)).toMatchObject({
    outcome: 'rolled-back',
    reason: { code: 'deadline-exceeded', message: expect.stringContaining('unhealthy') },
  })
})

test('one that ends after the commit is degraded, with its last words, and is not rolled back; the next one replaces it', async () => {
  const { device, fleet } = await open()
  const late = {
    ...quick,
    command: ['sh', '-c', 'sleep 3; echo the sensor is gone; exit 4'],
    restart: 'unless-stopped',
  }
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: late }))).toMatchObject({ outcome: 'succeeded' })
  const report = await reportThat(
    fleet,
    device,
    'shop',
    'ending again and again',
    ({ phase, services }) => phase === 'degraded' && services.web?.log !== undefined,
  )
  expect(report).toMatchObject({
    outcome: 'succeeded',
    services: { web: { exitCode: 4, log: expect.arrayContaining(['the sensor is gone']) } },
  })
  expect(await deployAndWait(fleet, device, good)).toMatchObject({ outcome: 'succeeded' })
})

test('a release of fifty services comes up, and goes', async () => {
  const { device, fleet } = await open()
  const services = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`s${index}`, quick]))
  expect(await deployAndWait(fleet, device, modelOf('many', services))).toMatchObject({ outcome: 'succeeded' })
  expect((await containersOf(device)).filter(({ state }) => state === 'running')).toHaveLength(50)
})
