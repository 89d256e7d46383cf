/** kill -9 of the agent and of the broker in turn, 500 times, under events and commands: nothing is lost. */
import { afterAll, beforeAll, test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'
import { expectNothingLostInKills } from '../support/connectivity.ts'

const campaign = openCampaign('offline-kills')

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

const roundsAStep = 50
const steps = 10

test.each(Array.from({ length: steps }, (_, index) => index + 1))(
  'step %i',
  async (step) => {
    await campaign.step(`step ${step}`, async () => {
      await expectNothingLostInKills({ rounds: roundsAStep, command: built.path, random: Math.random })
      return roundsAStep
    })
  },
  1_200_000,
)
