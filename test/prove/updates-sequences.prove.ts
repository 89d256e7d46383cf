/** 200,000 random sequences of deployments, deaths, failures, crashes and what operators ask, on the simulated engine. */
import { test } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import { expectConvergence } from '../support/random-sequences.ts'

const campaign = openCampaign('updates-sequences')

const sequencesAStep = 5_000
const seeds = 40

test('all converge', async () => {
  for (let seed = 1; seed <= seeds; seed += 1)
    await campaign.step(`seed ${seed}`, async () => {
      await expectConvergence({ numRuns: sequencesAStep, seed })
      return sequencesAStep
    })
}, 7_200_000)
