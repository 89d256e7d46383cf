import { test } from 'vitest'
import { expectConvergence } from '../support/random-sequences.ts'

/** 200,000 of them are run by `npm run prove -- updates`. */
test('any sequence of deployments, deaths, failures and crashes converges, and a second look plans nothing', async () => {
  await expectConvergence({ numRuns: Number(process.env.CONVERGE_RUNS ?? 2_000) })
}, 600_000)
