/**
 * What the link costs, counted by a line that knows nothing of the agent: OFFLINE_MINUTES (default 5) in which nothing happens
 * must cost its pings and nothing else, and changes and reconnects each time what they cost the first time.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Model } from '../../src/compose/model.ts'
import { newDeviceId, openFleet } from '../support/agents.ts'
import { brokers } from '../support/brokers.ts'
import { openCampaign } from '../support/campaign.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { startOfflineAgent } from '../support/connectivity.ts'
import { deployAndWait } from '../support/story.ts'
import { openLine, type TcpLine } from '../support/tcp-line.ts'

const campaign = openCampaign('offline-cost')
const minutes = Number(process.env.OFFLINE_MINUTES ?? 5)
const keepaliveS = 20
/** MQTT 3.1.1, 3.12 and 3.13: PINGREQ and PINGRESP have two bytes each. */
const pingBytes = 4
const monthS = 30 * 86_400

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const image = 'web:1'
const model: Model = {
  name: 'shop',
  services: Object.fromEntries(
    ['web', 'api', 'worker'].map((name) => [name, { image, deploy: { update_config: { monitor: '100ms' } } }]),
  ),
}

/** @returns what passed until nothing did for two seconds */
const bytesOf = async (line: TcpLine, work: () => unknown): Promise<number> => {
  const before = line.passedBytes()
  await work()
  for (let seen = -1; seen !== line.passedBytes(); await delay(2_000)) seen = line.passedBytes()
  return line.passedBytes() - before
}

const expectAbout = (bytes: number, predicted: number): void => {
  expect(bytes).toBeGreaterThan(0.8 * predicted)
  expect(bytes).toBeLessThan(1.2 * predicted)
}

test.each(brokers)(
  'an idle link to $name costs its pings, a change and a reconnect always the same',
  async (broker) => {
    await campaign.step(broker.name, async () => {
      const { url, stop } = await broker.start()
      onTestFinished(stop)
      const line = await openLine(Number(new URL(url).port))
      const state = await mkdtemp(join(tmpdir(), 'longshore-cost-'))
      onTestFinished(() => rm(state, { recursive: true, force: true }))
      const device = newDeviceId()
      const secrets = `/dev/shm/longshore-test/${device}`
      onTestFinished(() => rm(secrets, { recursive: true, force: true }))
      const fleet = await openFleet(url)
      const config = { device, broker: line.url, state, secrets, engine: 'unix:///nonexistent.sock', telemetry: 'off' }
      const agent = await startOfflineAgent(built.path, {
        config: { ...config, keepaliveS, reconnectMaxS: 1 },
        everyMs: 0,
      })
      await bytesOf(line, () => deployAndWait(fleet, device, model))

      const reconnect = async (): Promise<void> => {
        line.cut()
        line.mend()
        const before = line.passedBytes()
        while (line.passedBytes() === before) await delay(20)
      }
      const [changeBytes, reconnectBytes] = [await bytesOf(line, agent.endService), await bytesOf(line, reconnect)]

      const before = line.passedBytes()
      await delay(minutes * 60_000)
      const idleBytes = line.passedBytes() - before
      expectAbout(idleBytes, (pingBytes * minutes * 60) / keepaliveS)

      let again = 0
      for (let time = 0; time < 3; time += 1)
        for (const work of [agent.endService, reconnect]) again += await bytesOf(line, work)
      expectAbout(again, 3 * (changeBytes + reconnectBytes))

      // On the documented schedule, and reading what is desired once a day costs less than a reconnect and a change.
      const month = (pingBytes * monthS) / 600 + 30 * 2 * (changeBytes + reconnectBytes)
      expect(month).toBeLessThan(1_000_000)
      process.stdout.write(
        `${broker.name}: ${idleBytes} bytes in ${minutes} idle minutes, a change ${changeBytes}, a reconnect ${reconnectBytes}, a month ${Math.round(month / 1_000)} kB\n`,
      )
      return minutes
    })
  },
  7_200_000,
)
