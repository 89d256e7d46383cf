/** Random sequences on a real engine: deployments, deaths, kills of the agent, what operators ask; all end as wanted. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, expect, inject, test } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import { connectFleet } from '../../src/fleet/fleet.ts'
import { docker, newDeviceId, removeEverythingOf, silent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { openCampaign } from '../support/campaign.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { removeCrashingAgent, startCrashingAgent } from '../support/real-crash-points.ts'
import { containersOf, deployAndWait, send } from '../support/story.ts'

afterAll(removeCrashingAgent)

const campaign = openCampaign('updates-engine')

const quick = {
  deploy: { update_config: { monitor: '200ms' }, rollback_config: { monitor: '100ms' } },
  network_mode: 'none',
}
const models: readonly Model[] = [
  modelOf('shop', { web: quick, db: quick }),
  modelOf('shop', { web: { ...quick, environment: { A: '1' } }, db: quick }),
  modelOf('shop', {
    web: { ...quick, command: ['sh', '-c', 'sleep 0.1; exit 3'], restart: 'unless-stopped' },
    db: quick,
  }),
  modelOf('shop', {
    web: { ...quick, depends_on: { db: { condition: 'service_started' } } },
    db: { ...quick, environment: { B: '1' } },
  }),
  modelOf('shop', { other: quick }),
]

type Step = readonly [
  kind: 'deploy' | 'kill' | 'remove' | 'crash' | 'stop' | 'start' | 'hold' | 'unhold' | 'wait',
  which: number,
]

const stepArbitrary: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom(
    'deploy',
    'deploy',
    'deploy',
    'kill',
    'remove',
    'crash',
    'crash',
    'stop',
    'start',
    'hold',
    'unhold',
    'wait',
  ),
  fc.nat(99),
)

const runSequence = async (steps: readonly Step[]): Promise<void> => {
  const broker = await (brokers[0] as BrokerUnderTest).start()
  const device = newDeviceId()
  const state = await mkdtemp(join(tmpdir(), 'longshore-state-'))
  const fleet = await connectFleet({ broker: { url: broker.url }, root: 'longshore', log: silent })
  const engine = `unix://${inject('socketPath')}`
  const config = { device, broker: broker.url, state, engine, namePrefix: `${device}-`, lookEveryS: 5 }
  let agent = await startCrashingAgent({ config })
  const tell = (verb: string) =>
    ask(fleet, { device, verb, args: { app: 'shop' }, timeoutMs: 10_000, now: Date.now() }).catch(() => undefined)
  try {
    for (const [kind, which] of steps) {
      const containers = await containersOf(device)
      const one = containers[which % Math.max(1, containers.length)]
      if (kind === 'deploy') await send(fleet, device, models[which % models.length] as Model)
      else if (kind === 'kill' && one?.state === 'running')
        await docker()
          .getContainer(one.id)
          .kill()
          .catch(() => undefined)
      else if (kind === 'remove' && one !== undefined)
        await docker()
          .getContainer(one.id)
          .remove({ force: true })
          .catch(() => undefined)
      else if (kind === 'crash') {
        await agent.kill()
        agent = await startCrashingAgent({ config })
      } else if (['stop', 'start', 'hold', 'unhold'].includes(kind)) await tell(kind)
      else await delay(which * 10)
    }
    await tell('unhold')
    await tell('start')
    expect(await deployAndWait(fleet, device, models[3] as Model)).toMatchObject({ outcome: 'succeeded' })
    await eventually('exactly what is wanted to run', async () => {
      const found = (await containersOf(device)).map(({ name, state: is }) => `${name} ${is}`)
      expect(found).toEqual(['db', 'web'].map((service) => `${device}-shop-${service}-1 running`))
      return true
    })
  } finally {
    await agent.kill()
    await fleet.close()
    await broker.stop()
    await removeEverythingOf(device)
    await rm(state, { recursive: true, force: true })
  }
}

test.concurrent.each([1, 2, 3, 4])(
  'sequences of lane %i',
  async (lane) => {
    for (let index = 0; index < 75; index += 1)
      await campaign.step(`sequence ${lane}.${index}`, async () => {
        const [steps] = fc.sample(fc.array(stepArbitrary, { minLength: 3, maxLength: 12 }), {
          seed: lane * 1_000 + index,
          numRuns: 1,
        })
        await runSequence(steps ?? [])
        return 1
      })
  },
  7_200_000,
)
