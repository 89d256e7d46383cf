/** Every broker that Longshore is tested on: what is asked of one is asked of all. */
import { pino } from 'pino'
import { createBroker } from '../../broker/broker.ts'
import { startMosquitto } from './mosquitto.ts'
import { startNatsCluster } from './nats.ts'

export type RunningBroker = { readonly url: string; readonly stop: () => Promise<void> }

export type BrokerUnderTest = { readonly name: string; readonly start: () => Promise<RunningBroker> }

const embedded: BrokerUnderTest = {
  name: 'the embedded broker',
  start: async () => {
    const broker = createBroker({ log: pino({ level: 'silent' }), port: 0 })
    const { port } = await broker.start()
    return { url: `mqtt://127.0.0.1:${port}`, stop: broker.stop }
  },
}

const mosquitto: BrokerUnderTest = { name: 'Mosquitto', start: () => startMosquitto() }

/** Each subscription takes a vote of three servers: `npm test` asks of it only what is cheap. */
export const natsCluster: BrokerUnderTest = {
  name: 'a NATS cluster',
  // Of its first server: what runs on any broker puts a line of its own before the one address.
  start: async () => {
    const { urls, stop } = await startNatsCluster()
    return { url: urls[0] as string, stop }
  },
}

const chosen: Readonly<Record<string, readonly BrokerUnderTest[]>> = { mosquitto: [mosquitto], nats: [natsCluster] }

/** TEST_BROKER names one on which everything runs that would run on any: `npm run prove -- brokers`. */
export const brokers: readonly BrokerUnderTest[] = chosen[process.env.TEST_BROKER ?? ''] ?? [embedded, mosquitto]
