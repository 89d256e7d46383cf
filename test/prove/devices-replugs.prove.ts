/** A thousand replugs, a hundred a container: nothing is lost, nothing is left over. */
import { test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { openLine, replug } from '../support/line.ts'

const campaign = openCampaign('devices-replugs')

test.each(Array.from({ length: 10 }, (_, round) => round + 1))(
  'round %i of 10',
  (round) =>
    campaign.step(`round ${round}`, async () => {
      await replug(await openLine(), 100)
      return 100
    }),
  600_000,
)
