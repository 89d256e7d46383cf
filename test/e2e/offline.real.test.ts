/** The link is cut again and again: nothing is lost, and only what is newest runs. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { expectNothingLost } from '../support/connectivity.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('5 off, 5 on, 5 times, the embedded broker (seconds for minutes): nothing is lost, only the newest runs', async () => {
  const broker = brokers[0] as BrokerUnderTest
  const scenario = { broker, offMs: 5_000, onMs: 5_000, times: 5, command: built.path }
  const { events, duplicates, connections } = await expectNothingLost(scenario)
  expect(events).toBeGreaterThan(100)
  expect(connections).toBeGreaterThanOrEqual(1)
  expect(duplicates).toBeLessThan(events)
}, 180_000)
