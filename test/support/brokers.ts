/** Every broker that Longshore is tested on: what is asked of one is asked of all. */
import { pino } from 'pino'
import { createBroker } from '../../broker/broker.ts'
import { startMosquitto } from './mosquitto.ts'
import { startNatsCluster } from './nats.ts'

export type RunningBroker = { readonly url: string; readonly stop: () => Promise<void> }

export type BrokerUnderTest = { readonly name: string; readonly start: () => Promise<RunningBroker> }

export const brokers: readonly BrokerUnderTest[] = [
  {
    name: 'the embedded broker',
    start: async () => {
      const broker = createBroker({ log: pino({ level: 'silent' }), port: 0 })
      const { port } = await broker.start()
      return { url: `mqtt://127.0.0.1:${port}`, stop: broker.stop }
    },
  },
  { name: 'Mosquitto', start: () => startMosquitto() },
]

/** Three servers, of which each is as good as the others: slow to start, so not every suite runs on it. */
export const natsCluster: BrokerUnderTest = { name: 'a NATS cluster', start: () => startNatsCluster() }
