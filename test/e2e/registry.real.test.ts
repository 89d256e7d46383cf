/** Credentials of a registry travel as a secret, and a pull that was refused without them goes on by itself. */
import { expect, onTestFinished, test } from 'vitest'
import { readRecipient } from '../../src/fleet/recipient.ts'
import { putSecrets } from '../../src/fleet/secrets.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { startRegistry } from '../support/registry.ts'
import { endingFor, reportThat, send } from '../support/story.ts'

test('an image of a registry that asks for credentials', async () => {
  const { host: registry, push } = await startRegistry({ isPrivate: true })
  const reference = `${registry}/private/example:1`
  await push('private/example', '1', {})
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url })
  const fleet = await openFleet(url)
  const sent = await send(fleet, device, modelOf('shop', { web: { image: reference } }))
  await reportThat(
    fleet,
    device,
    'shop',
    'a refused pull',
    ({ waitingFor }) =>
      waitingFor?.some(
        ({ code, message }) => code === 'registry-unauthorized' && message.includes('longshore secret set'),
      ) === true,
  )
  const recipient = await eventually('the device to publish its key', () => readRecipient(fleet, device))
  const set = { [registry]: Buffer.from('gateway:s3cret') }
  await putSecrets(fleet, { device, app: '_registry', by: 'test', now: Date.now(), set, remove: [], recipient })
  expect(await endingFor(fleet, sent)).toEqual({ isSuccess: true, outcome: 'succeeded' })
})
