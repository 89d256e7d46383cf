/** What MQTT.js is told of a connection. */
import type { IClientOptions } from 'mqtt'
import { defined } from '../defined.ts'
import type { Broker, Will } from './link.ts'

export type ClientOptionsInput = {
  readonly broker: Broker
  readonly clientId: string
  readonly clean: boolean
  readonly keepaliveS: number
  readonly connectTimeoutMs: number
  readonly will: Will | undefined
}

/** What the session of a device is kept for in MQTT 5; in 3.1.1 the broker alone decides. */
const sessionExpiryS = 30 * 86_400

export const clientOptions = ({
  broker,
  clientId,
  clean,
  keepaliveS,
  connectTimeoutMs,
  will,
}: ClientOptionsInput): IClientOptions => {
  const { username, password, ca, cert, key } = broker
  return {
    ...(broker.mqttVersion === '5'
      ? {
          protocolVersion: 5 as const,
          properties: { sessionExpiryInterval: clean ? 0 : sessionExpiryS },
        }
      : { protocolVersion: 4 as const }),
    clientId,
    clean,
    keepalive: keepaliveS,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    ...defined({ username, password, ca, cert, key }),
    ...(will === undefined ? {} : { will: { ...will, qos: 1 as const, retain: true } }),
  }
}
