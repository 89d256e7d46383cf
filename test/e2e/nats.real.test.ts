/** A cluster that loses a server in mid-deployment: agent and command go on at another one. `npm run prove -- brokers` goes round. */
import { onTestFinished, test } from 'vitest'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { addressesFrom, expectDeployedThrough } from '../support/lost-server.ts'
import { startNatsCluster } from '../support/nats.ts'

test('a deployment comes to its end when the server dies to which its device is connected', async () => {
  const cluster = await startNatsCluster()
  onTestFinished(cluster.stop)
  const { device } = await startTestAgent({ url: addressesFrom(cluster, 1) })
  const fleet = await openFleet(addressesFrom(cluster, 2))
  await expectDeployedThrough({ cluster, fleet, device }, 1, 'first')
})
