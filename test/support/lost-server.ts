/** A deployment on a cluster of NATS servers, one of which is killed while it goes on. */
import { expect } from 'vitest'
import { ask } from '../../src/fleet/command.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { readState } from '../../src/fleet/read-state.ts'
import { eventually } from './eventually.ts'
import { modelOf } from './models.ts'
import type { NatsCluster } from './nats.ts'
import { endingFor, reportThat, send } from './story.ts'

/** From one server on: whoever has this address prefers it. */
export const addressesFrom = ({ urls }: NatsCluster, first: number): string =>
  [...urls.slice(first), ...urls.slice(0, first)].join(',')

const modelWith = (value: string) =>
  modelOf('hello', {
    web: { environment: { A: value }, network_mode: 'none', deploy: { update_config: { monitor: '1s' } } },
  })

/** Each wait is as long as some refused subscriptions take, at 4 s each. */
const timeoutMs = 60_000

/** The deployment comes to its end, and the device answers and is known to be there. */
export const expectDeployedThrough = async (
  { cluster, fleet, device }: { cluster: NatsCluster; fleet: Fleet; device: string },
  victim: number,
  value: string,
): Promise<void> => {
  const sent = await send(fleet, device, modelWith(value))
  const { generation } = sent.deployment
  await reportThat(fleet, device, 'hello', 'begun', (reported) => reported.generation === generation, timeoutMs)
  await cluster.kill(victim)
  expect(await endingFor(fleet, sent, timeoutMs)).toEqual({ isSuccess: true, outcome: 'succeeded' })
  await expectAnswers(fleet, device)
}

/** A command reaches it, and what is retained says that it is there. */
export const expectAnswers = async (fleet: Fleet, device: string): Promise<void> => {
  const reply = await ask(fleet, { device, verb: 'history', args: { app: 'hello' }, timeoutMs, now: Date.now() })
  expect(reply).toMatchObject({ outcome: 'done' })
  await eventually(
    `${device} to be online`,
    async () =>
      readState(fleet.topics, await fleet.read([fleet.topics.status(device)])).get(device)?.status?.online === true,
    { timeoutMs },
  )
}
