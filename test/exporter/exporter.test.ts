import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { startExporter } from '../../src/exporter/exporter.ts'
import { silent } from '../support/agents.ts'
import { createMemoryBroker } from '../support/memory-fleet.ts'
import { bridgeStatusOf, reportedOf, statusOf, telemetryOf } from './messages.ts'

afterEach(() => {
  vi.useRealTimers()
})

type OnLink = (event: { readonly isUp: boolean }) => void

const start = async () => {
  const broker = createMemoryBroker()
  let onLink: OnLink = () => undefined
  const exporter = await startExporter({
    connect: async (more) => {
      onLink = more.onLink
      onLink({ isUp: true })
      return broker.connect()
    },
    listen: { host: '127.0.0.1', port: 0 },
    staleMs: 7_200_000,
    log: silent,
  })
  onTestFinished(exporter.stop)
  return {
    fleet: broker.connect(),
    link: (isUp: boolean) => onLink({ isUp }),
    page: async () => (await fetch(`http://127.0.0.1:${exporter.port}/metrics`)).text(),
  }
}

test('messages on every topic come to the page, and are counted', async () => {
  const { fleet, page } = await start()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf(), { retain: true })
  await publish(topics.reported('gw-1', 'shop'), reportedOf('shop'), { retain: true })
  await publish(topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 0.5 }), { retain: false })
  await publish(topics.telemetryOfApp('gw-1', 'shop'), telemetryOf({ 'web.pids': 3 }, { seq: 2 }), { retain: false })
  await publish(topics.bridgeStatus('plant1'), bridgeStatusOf('plant1', false), { retain: true })
  const text = await page()
  expect(text).toContain('\nlongshore_bridge_up{site="plant1"} 0\n')
  expect(text).toContain('\nnode_load1{device_id="gw-1"} 0.5\n')
  expect(text).toContain('\ncontainer_threads{device_id="gw-1",app="shop",service="web"} 3\n')
  expect(text).toContain('\nlongshore_exporter_messages_total{kind="telemetry"} 2\n')
  expect(text).toContain('\nlongshore_exporter_devices 1\n')
})

test('what was cleared while the link was away is gone a minute after it is back, and nothing else', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { fleet, link, page } = await start()
  const { topics, publish } = fleet
  for (const device of ['gw-1', 'gw-2']) await publish(topics.status(device), statusOf(), { retain: true })
  link(false)
  expect(await page()).toContain('\nlongshore_exporter_broker_up 0\n')
  // The subscription is asked for again before the link is told of: what is retained may come first.
  await publish(topics.status('gw-1'), statusOf(), { retain: true })
  link(true)
  vi.advanceTimersByTime(59_000)
  expect(await page()).toContain('longshore_device_up{device_id="gw-2"}')
  vi.advanceTimersByTime(2_000)
  const text = await page()
  expect(text).not.toContain('gw-2')
  expect(text).toContain('longshore_device_up{device_id="gw-1"} 1')
  expect(text).toContain('\nlongshore_exporter_broker_up 1\n')
})
