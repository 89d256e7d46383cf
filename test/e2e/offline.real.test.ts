/** The link comes and goes, the agent is killed, the broker too: nothing is lost, and only what is newest runs. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { expectNothingLost, expectNothingLostInKills } from '../support/connectivity.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const [embedded, mosquitto] = brokers as [BrokerUnderTest, BrokerUnderTest]

test.each([
  ['5 off, 5 on, 5 times, the embedded broker', { broker: embedded, offMs: 5_000, onMs: 5_000, times: 5 }],
  [
    '5 off, 20 on, Mosquitto, frozen',
    { broker: mosquitto, offMs: 5_000, onMs: 20_000, times: 1, how: 'freeze' as const },
  ],
])(
  '%s (seconds for minutes): nothing is lost, only the newest runs',
  async (_name, scenario) => {
    const { events, duplicates, connections } = await expectNothingLost({ ...scenario, command: built.path })
    expect(events).toBeGreaterThan(500)
    expect(connections).toBeGreaterThanOrEqual(1)
    expect(duplicates).toBeLessThan(events)
  },
  180_000,
)

test('kill -9 of the agent and of the broker in turn, 10 rounds: no event is lost, every command is answered', async () => {
  const { events } = await expectNothingLostInKills({ rounds: 10, command: built.path, random: Math.random })
  expect(events).toBeGreaterThan(200)
}, 120_000)
