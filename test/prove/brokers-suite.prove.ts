/** All that runs on any broker, on the one that TEST_BROKER names. */
import { afterEach } from 'vitest'
import { openCampaign } from '../support/campaign.ts'
import '../broker/contract.real.test.ts'
import '../cli/cli.real.test.ts'
import '../cli/doctor/broker.real.test.ts'
import '../cli/events.real.test.ts'
import '../cli/label.real.test.ts'
import '../cli/updates.real.test.ts'
import '../e2e/adopt.real.test.ts'
import '../e2e/bad-releases.real.test.ts'
import '../e2e/deploy.real.test.ts'
import '../e2e/health.real.test.ts'
import '../e2e/joined.real.test.ts'
import '../e2e/link-life.real.test.ts'
import '../e2e/logs.real.test.ts'
import '../e2e/networks.real.test.ts'
import '../e2e/offline-frozen.real.test.ts'
import '../e2e/placement.real.test.ts'
import '../e2e/policy.real.test.ts'
import '../e2e/project.real.test.ts'
import '../e2e/refused.real.test.ts'
import '../e2e/telemetry.real.test.ts'
import '../e2e/trouble.real.test.ts'
import '../e2e/updates.real.test.ts'
import '../e2e/windows.real.test.ts'
import '../examples/brokers.real.test.ts'
import '../fleet/secrets.real.test.ts'

const campaign = openCampaign(`brokers-${process.env.TEST_BROKER}`)

afterEach(async ({ task }) => {
  if (task.result?.state === 'pass') await campaign.step(task.name, async () => 1)
})
