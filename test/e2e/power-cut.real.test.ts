/** The power goes in the middle of an update: engine, containers and agent at one moment; the engine is back first. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { newDeviceId, openFleet } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { modelOf } from '../support/models.ts'
import { startPrivateDockerd } from '../support/private-dockerd.ts'
import { removeCrashingAgent, startCrashingAgent } from '../support/real-crash-points.ts'
import { deployAndWait, endingFor, send } from '../support/story.ts'

afterAll(removeCrashingAgent)

const isolated = { network_mode: 'none' }
const shop = (a: string) =>
  modelOf('shop', {
    web: { ...isolated, environment: { A: a }, restart: 'always' },
    worker: { ...isolated, environment: { A: a }, depends_on: { web: { condition: 'service_started' } } },
  })

test('no service runs both old and new, and the update is finished', async () => {
  const broker = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(broker.stop)
  const engine = await startPrivateDockerd({ hasOwnProcesses: true })
  const device = newDeviceId()
  const state = await mkdtemp(join(tmpdir(), 'longshore-state-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const config = { device, broker: broker.url, state, engine: engine.url, namePrefix: 'own-' }
  let agent = await startCrashingAgent({ config })
  onTestFinished(() => agent.kill())
  const fleet = await openFleet(broker.url)
  expect(await deployAndWait(fleet, device, shop('0'))).toMatchObject({ outcome: 'succeeded' })

  const running = async (): Promise<string[]> => {
    const { text } = await requestUnix({ socketPath: engine.socketPath, path: '/containers/json' })
    const containers = JSON.parse(text) as { Labels: Record<string, string> }[]
    return containers.map(({ Labels }) => String(Labels['io.longshore.service'])).sort()
  }

  for (const afterMs of [350, 600, 900]) {
    const sent = await send(fleet, device, shop(String(afterMs)))
    // Not a wait for anything: the moment is what is varied.
    await delay(afterMs)
    await Promise.all([engine.cutPower(), agent.kill()])
    await engine.start()
    // What the engine brings back by itself, before there is an agent.
    const before = await running()
    expect(before, `cut after ${afterMs} ms`).toEqual([...new Set(before)])
    agent = await startCrashingAgent({ config })
    expect(await endingFor(fleet, sent, 60_000), `cut after ${afterMs} ms`).toMatchObject({ outcome: 'succeeded' })
    expect(await running()).toEqual(['web', 'worker'])
  }
})
