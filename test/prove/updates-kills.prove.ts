/** The agent killed before and after every point of every kind of update, on a real engine. */
import { afterAll, test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { removeCrashingAgent, runCut, scenarios } from '../support/real-crash-points.ts'

afterAll(removeCrashingAgent)

const campaign = openCampaign('updates-kills')

test.concurrent.each(Object.keys(scenarios))(
  '%s',
  async (name) => {
    const points = await runCut(name)
    for (let at = 1; at <= points.length; at += 1)
      await campaign.step(`${name}, killed at ${at} of ${points.length} (${points[at - 1]})`, async () => {
        for (const isAfter of [false, true]) await runCut(name, { at, isAfter })
        return 2
      })
  },
  7_200_000,
)
