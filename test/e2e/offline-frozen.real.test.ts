/** The link is there and carries nothing: nothing is lost, and only what is newest runs. Waits most of the time. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { expectNothingLost } from '../support/connectivity.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('5 off, 20 on, Mosquitto, frozen (seconds for minutes): nothing is lost, only the newest runs', async () => {
  const broker = brokers.at(-1) as BrokerUnderTest
  const scenario = { broker, offMs: 5_000, onMs: 20_000, times: 1, how: 'freeze' as const, command: built.path }
  const { events, duplicates, connections } = await expectNothingLost(scenario)
  // Some hundreds, by how busy the machine is: there was something to lose.
  expect(events).toBeGreaterThan(100)
  expect(connections).toBeGreaterThanOrEqual(1)
  expect(duplicates).toBeLessThan(events)
}, 180_000)
