/** Power cuts of one part at a time: the agent is killed, the engine is killed, in the middle of an update. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, inject, onTestFinished, test } from 'vitest'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { newDeviceId, openFleet, removeEverythingOf, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { startPrivateDockerd } from '../support/private-dockerd.ts'
import { containersOf, deployAndWait, endingFor, reportThat, send } from '../support/story.ts'

const startBroker = async (): Promise<string> => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  return url
}

/** The built agent as a process, because only a process can be killed. */
const agentProcess = (url: string, device: string, state: string) => {
  let child: ChildProcess | undefined
  const start = (): void => {
    const options = [
      '--device',
      device,
      '--broker',
      url,
      '--state',
      state,
      '--engine',
      `unix://${inject('socketPath')}`,
      '--name-prefix',
      `${device}-`,
    ]
    child = spawn(process.execPath, ['dist/longshore.mjs', 'agent', ...options], { stdio: 'ignore' })
  }
  const kill = async (): Promise<void> => {
    if (child === undefined) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    child = undefined
  }
  return { start, kill }
}

test('an agent killed at any moment of an update finishes it when it is started again', async () => {
  const url = await startBroker()
  const device = newDeviceId()
  const state = await mkdtemp(join(tmpdir(), 'longshore-state-'))
  const agent = agentProcess(url, device, state)
  onTestFinished(async () => {
    await agent.kill()
    await removeEverythingOf(device)
    await rm(state, { recursive: true, force: true })
  }, 30_000)
  agent.start()
  const fleet = await openFleet(url)
  const worker = { depends_on: { web: { condition: 'service_started' as const } } }
  expect((await deployAndWait(fleet, device, modelOf('hello', { web: {}, worker }))).outcome).toBe('succeeded')
  for (const afterMs of [280, 340, 420, 560, 800]) {
    const sending = send(
      fleet,
      device,
      modelOf('hello', {
        web: { environment: { AFTER: String(afterMs) } },
        worker: { ...worker, environment: { AFTER: String(afterMs) } },
      }),
    )
    // Not a wait for anything: the moment of the kill is what is varied. It is sent after about 250 ms of reading.
    await delay(afterMs)
    await agent.kill()
    agent.start()
    expect((await endingFor(fleet, await sending)).outcome, `killed after ${afterMs} ms`).toBe('succeeded')
    expect((await containersOf(device)).map(({ name, state: is }) => [name, is])).toEqual([
      [`${device}-hello-web-1`, 'running'],
      [`${device}-hello-worker-1`, 'running'],
    ])
  }
})

test('an engine killed in the middle of an update is waited for, and the update finished', async () => {
  const url = await startBroker()
  const engine = await startPrivateDockerd()
  const { device } = await startTestAgent({ url, engineUrl: engine.url, namePrefix: 'own-' })
  const fleet = await openFleet(url)
  const isolated = { network_mode: 'none' }
  expect((await deployAndWait(fleet, device, modelOf('hello', { web: isolated, worker: isolated }))).outcome).toBe(
    'succeeded',
  )
  const changed = { ...isolated, environment: { A: '1' } }
  const sent = await send(
    fleet,
    device,
    modelOf('hello', { web: changed, worker: { ...changed, depends_on: { web: { condition: 'service_started' } } } }),
  )
  await engine.kill()
  await reportThat(
    fleet,
    device,
    'hello',
    'without an engine',
    ({ waitingFor }) => waitingFor?.[0]?.code === 'engine-unreachable',
  )
  await engine.start()
  expect((await endingFor(fleet, sent, 60_000)).outcome).toBe('succeeded')
  const { text } = await requestUnix({ socketPath: engine.socketPath, path: '/containers/json?all=1' })
  const containers = JSON.parse(text) as { Names: string[]; State: string }[]
  expect(containers.map(({ Names, State }) => [Names[0], State]).sort()).toEqual([
    ['/own-hello-web-1', 'running'],
    ['/own-hello-worker-1', 'running'],
  ])
})
