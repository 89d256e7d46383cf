/** Updates on a real engine: rolled back by themselves, seamless where they say so, and what an operator may ask of them. */
import { expect, inject, onTestFinished, test } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import { deploy } from '../../src/fleet/deploy.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Assignment } from '../../src/protocol/deployment.ts'
import { docker, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { clientScript } from '../support/client-script.ts'
import { modelOf } from '../support/models.ts'
import { containersOf, deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const open = async () => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device, state } = await startTestAgent({ url })
  return { url, device, state, fleet: await openFleet(url) }
}

const askFor = (fleet: Fleet, device: string, verb: string, args: Record<string, string>) =>
  ask(fleet, { device, verb, args: { app: 'shop', ...args }, timeoutMs: 10_000, now: Date.now() })

const short = { deploy: { update_config: { monitor: '2s' }, rollback_config: { monitor: '1s' } } }
const says = (text: string, more = {}) => ({ environment: { SAYS: text }, ...short, ...more })
const variableOf = async (device: string): Promise<string | undefined> =>
  (await docker().getContainer(`${device}-shop-web-1`).inspect()).Config.Env.find((text) => text.startsWith('SAYS='))

test('a release that ends at once is rolled back by itself, with its last words; history and rollback know it', async () => {
  const { device, fleet } = await open()
  const texts = { 'conf/page': 'one' }
  const mount = { volumes: [{ type: 'bind' as const, source: './conf', target: '/conf' }] }
  const one = modelOf('shop', { web: says('one', mount), db: short })
  expect(await deployAndWait(fleet, device, one, { texts })).toMatchObject({ outcome: 'succeeded' })
  const before = await containersOf(device)

  const broken = { command: ['sh', '-c', 'echo no such table; exit 3'], restart: 'unless-stopped' }
  const two = modelOf('shop', { web: says('two', { ...mount, ...broken }), db: short })
  expect(await deployAndWait(fleet, device, two, { texts: { 'conf/page': 'two' } })).toMatchObject({
    outcome: 'rolled-back',
    isSuccess: false,
  })
  const report = await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  expect(report.running?.generation).toBe(report.lastGood?.generation)
  expect(await variableOf(device)).toBe('SAYS=one')
  const after = await containersOf(device)
  expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name))
  expect(after[0]?.id).toBe(before[0]?.id) // the database was not touched

  const history = await askFor(fleet, device, 'history', {})
  expect(history).toMatchObject({
    outcome: 'done',
    result: {
      releases: [
        { outcome: 'rolled-back', log: expect.arrayContaining(['no such table']) },
        { outcome: 'succeeded', isLastGood: true },
      ],
    },
  })

  // On to a third release, and back to the first by the operator: whole, with its files.
  const three = modelOf('shop', { web: says('three', mount), db: short })
  expect(await deployAndWait(fleet, device, three, { texts: { 'conf/page': 'three' } })).toMatchObject({
    outcome: 'succeeded',
  })
  const reply = await askFor(fleet, device, 'release', {})
  const { compose, files, release } = reply.result as unknown as Assignment
  const back = await deploy(
    fleet,
    { compose, files, keepImages: true },
    { device, app: 'shop', by: 'test', now: Date.now() },
  )
  expect(back.deployment).toMatchObject({ release })
  expect(await endingFor(fleet, back)).toMatchObject({ outcome: 'succeeded' })
  expect(await variableOf(device)).toBe('SAYS=one')
  expect(Buffer.from(files['conf/page']?.content ?? '', 'base64').toString()).toBe('one')
})

test('start-first: the alias of the service answers all the time', async () => {
  const { device, fleet } = await open()
  const seamless = { deploy: { update_config: { monitor: '1s', order: 'start-first' as const } } }
  const check = { test: ['CMD', 'wget', '-qO-', 'http://127.0.0.1:8080/'], interval: '1s', retries: 10 }
  const web = (a: string) => ({ command: ['/bin/serve'], environment: { A: a }, healthcheck: check, ...seamless })
  const client = {
    command: ['sh', '-c', clientScript('web')],
    ...short,
    depends_on: { web: { condition: 'service_healthy' as const } },
  }
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: web('1'), client }))).toMatchObject({
    outcome: 'succeeded',
  })
  const before = await containersOf(device)
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: web('2'), client }))).toMatchObject({
    outcome: 'succeeded',
  })
  const after = await containersOf(device)
  expect(after.map(({ name, state }) => `${name} ${state}`)).toEqual(
    before.map(({ name, state }) => `${name} ${state}`),
  )
  expect(after[1]?.id).not.toBe(before[1]?.id)
  const log = await docker().getContainer(`${device}-shop-client-1`).logs({ stdout: true, stderr: true })
  const answers = String(log).match(/good|bad/g) ?? []
  expect(answers.length).toBeGreaterThan(20)
  // One that the old container was answering when it left the network may be lost; a gap would be many.
  expect(answers.filter((answer) => answer === 'bad').length).toBeLessThanOrEqual(1)
})

test('stop keeps an app stopped over a restart of the agent and an update; start brings it back', async () => {
  const { url, device, state, fleet } = await open()
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: says('one') }))).toMatchObject({
    outcome: 'succeeded',
  })
  expect(await askFor(fleet, device, 'stop', {})).toMatchObject({ outcome: 'done' })
  await reportThat(fleet, device, 'shop', 'stopped', ({ phase }) => phase === 'stopped')
  // The list of an engine may lag behind what it says of one container.
  await expect.poll(async () => (await containersOf(device)).map((one) => one.state)).toEqual(['exited'])
  await docker().getContainer(`${device}-shop-web-1`).restart()
  await reportThat(
    fleet,
    device,
    'shop',
    'stopped again',
    ({ phase, services }) => phase === 'stopped' && services.web?.state === 'exited',
  )
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: says('two') }))).toMatchObject({
    outcome: 'succeeded',
  })
  expect((await containersOf(device)).map((one) => one.state)).toEqual(['created'])
  expect(await askFor(fleet, device, 'start', {})).toMatchObject({ outcome: 'done' })
  await reportThat(fleet, device, 'shop', 'running', ({ phase }) => phase === 'running')
  expect(await variableOf(device)).toBe('SAYS=two')
  expect([url, state]).toHaveLength(2)
})

test('a hold keeps an update waiting, by name; released, it goes on', async () => {
  const { device, fleet } = await open()
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: says('one') }))).toMatchObject({
    outcome: 'succeeded',
  })
  expect(await askFor(fleet, device, 'hold', { by: 'ann', reason: 'shift is running' })).toMatchObject({
    outcome: 'done',
  })
  const sent = await send(fleet, device, modelOf('shop', { web: says('two') }))
  const held = await reportThat(fleet, device, 'shop', 'held', ({ phase }) => phase === 'waiting')
  expect(held).toMatchObject({
    waitingFor: [{ code: 'held', message: expect.stringContaining('shift is running') }],
    hold: { by: 'ann' },
  })
  expect(await variableOf(device)).toBe('SAYS=one')
  expect(await askFor(fleet, device, 'unhold', {})).toMatchObject({ outcome: 'done' })
  expect(await endingFor(fleet, sent)).toMatchObject({ outcome: 'succeeded' })
  expect(await variableOf(device)).toBe('SAYS=two')
})

test('a job runs once, also when its container is pruned and the agent starts anew', async () => {
  const { url, device, state, fleet } = await open()
  const job = { command: ['true'], restart: 'no' }
  const model = modelOf('shop', {
    job,
    web: says('one', { depends_on: { job: { condition: 'service_completed_successfully' } } }),
  })
  expect(await deployAndWait(fleet, device, model)).toMatchObject({ outcome: 'succeeded' })
  await docker().getContainer(`${device}-shop-job-1`).remove()
  const report = await reportThat(
    fleet,
    device,
    'shop',
    'without the container of the job',
    ({ services }) => services.job?.imageId === undefined,
  )
  expect(report).toMatchObject({ phase: 'running', services: { job: { state: 'completed' } } })
  expect((await containersOf(device)).map(({ name }) => name)).toEqual([`${device}-shop-web-1`])
  expect([url, state, inject('socketPath')]).toHaveLength(3)
})
