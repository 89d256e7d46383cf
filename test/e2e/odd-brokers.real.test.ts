/** Brokers that misbehave, or that take less than is sent: nothing is lost, and nothing goes round in circles. */
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import type { Model } from '../../src/compose/model.ts'
import { ask } from '../../src/fleet/command.ts'
import { openFleet } from '../support/agents.ts'
import { startEventCounter } from '../support/event-counter.ts'
import { eventually } from '../support/eventually.ts'
import { connackAccepted, packetType, startFakePeer, subscribed } from '../support/fake-peers.ts'
import { type LinkedAgent, startLinkedAgent } from '../support/linked-agent.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { reportThat, send } from '../support/story.ts'

const silent = pino({ level: 'silent' })

/** A real broker where the odd one was. */
const startBrokerAt = async (url: string): Promise<void> => {
  const broker = createBroker({ log: silent, port: Number(new URL(url).port) })
  onTestFinished(broker.stop)
  await broker.start()
}

/** All that was kept since its start is there, its numbers from 1 on, when the broker behaves. */
const expectAllEvents = async (url: string, device: string): Promise<void> => {
  const counter = await startEventCounter(url, device)
  await eventually('the link to be back', () => counter.kinds().get('link-up') !== undefined)
  await eventually('all numbers', () => counter.gaps().length === 0)
  expect(counter.kinds().get('agent-started')).toBe(1)
}

test('a broker that accepts and never acknowledges is left, and what happened meanwhile comes later', async () => {
  const peer = await startFakePeer((chunk) => (packetType(chunk) === 1 ? connackAccepted : undefined))
  const { device, log } = await startLinkedAgent({ url: peer.url, settings: { acknowledgeS: 1 } })
  await eventually('a second connection', () => peer.connections() >= 2)
  expect(log.some(({ msg }) => msg.includes('did not acknowledge within 1 s'))).toBe(true)
  await peer.close()
  await startBrokerAt(peer.url)
  await expectAllEvents(peer.url, device)
})

test('a broker that closes after each publish is met with patience, and nothing is lost once it behaves', async () => {
  const peer = await startFakePeer((chunk, socket) => {
    if (packetType(chunk) === 1) return connackAccepted
    if (packetType(chunk) === 8) return subscribed(chunk, 1)
    socket.end()
    return undefined
  })
  const { device } = await startLinkedAgent({ url: peer.url, settings: { reconnectMaxS: 60 } })
  const sinceMs = performance.now()
  await eventually('some connections', () => peer.connections() >= 3)
  await eventually('two seconds', () => performance.now() - sinceMs > 2_000)
  expect(peer.connections()).toBeLessThan(15)
  await peer.close()
  await startBrokerAt(peer.url)
  await expectAllEvents(peer.url, device)
})

/** The deployment is below 10 kB, the report of it above. */
const large: Model = {
  name: 'large',
  services: Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `s${index}`,
      { image: 'web:1', deploy: { update_config: { monitor: '100ms' } } },
    ]),
  ),
}

const saidSetAside = ({ log }: LinkedAgent) =>
  log.filter(({ code, topic }) => code === 'payload-too-large' && topic?.includes('/reported/'))

test.each([
  ['ends the connection', {}, ['max_packet_size 10000']],
  ['says so, in MQTT 5', { mqttVersion: '5' }, ['max_packet_size 10000']],
  ['keeps silent about it, and maxBytes is set', { maxBytes: 10_000 }, ['message_size_limit 10000']],
])(
  'a broker that takes packets of 10 kB only, and %s: the report is shortened, and all goes on',
  async (_name, settings, extraConfig) => {
    const mosquitto = await startMosquitto({ extraConfig })
    onTestFinished(mosquitto.stop)
    const agent = await startLinkedAgent({ url: mosquitto.url, settings })
    const counter = await startEventCounter(mosquitto.url, agent.device)
    const fleet = await openFleet(mosquitto.url)
    const { deployment } = await send(fleet, agent.device, large)
    const report = await reportThat(
      fleet,
      agent.device,
      'large',
      'in a form that the broker takes',
      ({ outcome, shortened }) => outcome === 'succeeded' && shortened === true,
      60_000,
    )
    expect(report).toMatchObject({ generation: deployment.generation, services: {} })
    expect(saidSetAside(agent)[0]?.msg).toContain('set maxBytes')
    await eventually('the event of it', () => counter.kinds().get('deployment-succeeded') === 1, { timeoutMs: 30_000 })
    // Everything is sent again, on a connection that stays.
    const links = (): number => agent.log.filter(({ msg }) => msg === 'connected').length
    const before = links()
    const question = { device: agent.device, verb: 'refresh', args: {}, timeoutMs: 10_000, now: Date.now() }
    expect(await ask(fleet, question)).toMatchObject({ outcome: 'done' })
    expect(links()).toBe(before)
    expect(counter.gaps()).toEqual([])
  },
)
