/** A file of the outbox, cut at every byte of its last 64 kB: whole records are read, and nothing is invented. */
import { expect, test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { expectWholeRecords, writeOneFile } from '../support/torn-file.ts'

const campaign = openCampaign('offline-torn')
const lastBytes = 64 * 1024

test(
  'every byte',
  () =>
    campaign.step('every byte', async () => {
      const torn = await writeOneFile()
      const first = torn.bytes.length - lastBytes
      expect(first).toBeGreaterThan(0)
      await expectWholeRecords(
        torn,
        Array.from({ length: lastBytes + 1 }, (_, index) => first + index),
      )
      return lastBytes + 1
    }),
  600_000,
)
