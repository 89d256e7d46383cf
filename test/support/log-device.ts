/** A device with an app that says something, for tests that read its log. */
import { expect, onTestFinished } from 'vitest'
import type { Service } from '../../src/compose/model.ts'
import { openFleet, startTestAgent } from './agents.ts'
import { type BrokerUnderTest, brokers } from './brokers.ts'
import { modelOf } from './models.ts'
import { deployAndWait } from './story.ts'

/** Runs on after it has said what it has to say. */
export const says = (script: string, more: Partial<Service> = {}): Partial<Service> => ({
  command: ['sh', '-c', `${script}; while :; do sleep 0.1; done`],
  network_mode: 'none',
  stop_grace_period: '0s',
  deploy: { update_config: { monitor: '10ms' } },
  ...more,
})

const embedded = brokers[0] as BrokerUnderTest

export const startLogDevice = async (services: Record<string, Partial<Service>>, logBytesPerDay = 0) => {
  const { url, stop } = await embedded.start()
  onTestFinished(stop)
  const { device, ...agent } = await startTestAgent({ url, logBytesPerDay })
  const fleet = await openFleet(url)
  const ending = await deployAndWait(fleet, device, modelOf('shop', services))
  expect(ending.outcome).toBe('succeeded')
  return { url, device, fleet, ...agent }
}
