/** The agent is killed, the broker too: nothing is lost. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { expectNothingLostInKills } from '../support/connectivity.ts'

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test('kill -9 of the agent and of the broker in turn, 10 rounds: no event is lost, every command is answered', async () => {
  const { events } = await expectNothingLostInKills({ rounds: 10, command: built.path, random: Math.random })
  expect(events).toBeGreaterThan(200)
}, 120_000)
