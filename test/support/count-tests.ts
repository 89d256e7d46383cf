/** Each test of a file that passes is a case of the campaign of the broker that TEST_BROKER names. */
import { afterEach } from 'vitest'
import { openCampaign } from './campaign.ts'

const campaign = openCampaign(`brokers-${process.env.TEST_BROKER}`)

afterEach(async ({ task }) => {
  if (task.result?.state === 'pass') await campaign.step(task.fullTestName, async () => 1)
})
