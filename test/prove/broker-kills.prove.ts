/** kill -9 of the embedded broker under load, 200 times: nothing acknowledged is lost, held back, or out of order. */
import { afterAll, beforeAll, test } from 'vitest'
import { expectNothingLostInBrokerKills } from '../support/broker-kills.ts'
import { openCampaign } from '../support/campaign.ts'
import { type BuiltCommand, buildCommand } from '../support/command.ts'

const campaign = openCampaign('broker-kills')

let built: BuiltCommand
beforeAll(async () => {
  built = await buildCommand()
})
afterAll(() => built.remove())

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'step %i',
  async (step) => {
    await campaign.step(`step ${step}`, async () => {
      await expectNothingLostInBrokerKills(built.path, 25)
      return 25
    })
  },
  600_000,
)
