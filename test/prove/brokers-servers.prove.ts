/** Deployments on a cluster of NATS servers, which are killed by turns while one goes on, and come back: each ends well, and the device answers. */
import { onTestFinished, test } from 'vitest'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { openCampaign } from '../support/campaign.ts'
import { addressesFrom, expectDeployedThrough } from '../support/lost-server.ts'
import { startNatsCluster } from '../support/nats.ts'

const campaign = openCampaign('brokers-servers')

const rounds = Number(process.env.BROKERS_ROUNDS ?? 10)

test.runIf(process.env.TEST_BROKER === 'nats').each(['the leader', 'another server'])(
  '%s of each round dies',
  async (which) => {
    const cluster = await startNatsCluster()
    onTestFinished(cluster.stop)
    const { device } = await startTestAgent({ url: addressesFrom(cluster, 1) })
    const fleet = await openFleet(addressesFrom(cluster, 2))
    for (let round = 0; round < rounds; round += 1)
      await campaign.step(`${which}, round ${round}`, async () => {
        const leader = await cluster.leader()
        const victim = which === 'the leader' ? leader : (leader + 1 + (round % 2)) % 3
        await expectDeployedThrough({ cluster, fleet, device }, victim, `round ${round}`)
        await cluster.restart(victim)
        return 1
      })
  },
  3_600_000,
)
