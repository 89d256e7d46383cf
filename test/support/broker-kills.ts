/** kill -9 of the embedded broker under load, and what both sides of it counted. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { startLoad } from './broker-load.ts'
import { eventually } from './eventually.ts'
import { createKillableBroker } from './killable-broker.ts'
import { openClient } from './mqtt.ts'

/** @param command the built command */
export const expectNothingLostInBrokerKills = async (command: string, kills: number): Promise<void> => {
  const state = await mkdtemp(join(tmpdir(), 'longshore-broker-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const broker = await createKillableBroker(command, ['--state', state, '--log-level', 'warn'])
  onTestFinished(() => broker.kill())
  await broker.start()
  const load = startLoad(broker.url, `kill-${process.pid}`)
  onTestFinished(load.stop)
  for (let round = 1; round <= kills; round += 1) {
    const before = load.acknowledged.size
    await eventually('more to be acknowledged', () => load.acknowledged.size > before + 300, { everyMs: 5 })
    await broker.kill()
    await broker.start()
  }
  await load.settle()
  const missing = () => [...load.acknowledged].filter((number) => !load.delivered.has(number))
  await eventually('all that was acknowledged to come, with no reconnect', () => missing().length === 0)
  expect(load.acknowledged.size).toBeGreaterThan(kills * 300)
  expect(load.outOfOrder()).toBe(0)
  const late = await openClient(broker.url)
  await late.client.subscribeAsync('#', { qos: 1 })
  await eventually('what is retained', () => late.received.length >= load.retained.size)
  // What was published and not acknowledged may be there too: then it is newer.
  for (const [topic, number] of load.retained)
    expect(Number.parseInt((await late.expect(topic)).text, 10)).toBeGreaterThanOrEqual(number)
}
