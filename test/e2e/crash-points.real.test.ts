/** One kill in the middle of each kind of update on a real engine; `npm run prove -- updates` tries every point. */
import { afterAll, expect, test } from 'vitest'
import { removeCrashingAgent, runCut } from '../support/real-crash-points.ts'

afterAll(removeCrashingAgent)

test.concurrent('without a kill there are as many points as are cut below', async () => {
  const points = await runCut('update, stop-first')
  expect(points.length).toBeGreaterThan(12)
  expect(points).toContain('stopContainer')
})

test.concurrent.each([
  ['first deployment', { at: 6, isAfter: true }],
  ['update, stop-first', { at: 6, isAfter: true }],
  ['update, stop-first', { at: 9, isAfter: false }],
  ['update, start-first', { at: 7, isAfter: true }],
  ['failing update', { at: 12, isAfter: false }],
  ['failing update', { at: 15, isAfter: true }],
  ['update with a job', { at: 6, isAfter: true }],
  ['removal', { at: 4, isAfter: false }],
] as const)('%s, killed at %j, comes to the same end', async (name, cut) => {
  await runCut(name, cut)
})
