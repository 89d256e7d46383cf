/** 1,000,000 packets that are no good: the broker lives, serves others, and does not grow. */
import { expect, test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { expectNoHarmOfMalformed } from '../support/malformed-packets.ts'

const campaign = openCampaign('broker-malformed')

/** After the first step everything has been loaded and compiled. Of sender and broker together, in one process. */
const mostGrowthBytes = 64 * 1024 * 1024
let settledBytes: number | undefined

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'step %i',
  async (step) => {
    await campaign.step(`step ${step}`, async () => {
      await expectNoHarmOfMalformed(100_000)
      const { rss } = process.memoryUsage()
      settledBytes ??= rss
      expect(rss - settledBytes).toBeLessThan(mostGrowthBytes)
      return 100_000
    })
  },
  600_000,
)
