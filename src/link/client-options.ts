/** What MQTT.js is told of a connection. */
import { unescape as decode } from 'node:querystring'
import type { IClientOptions } from 'mqtt'
import { defined } from '../defined.ts'
import type { Broker, Will } from './contract.ts'

export type ClientOptionsInput = {
  /** of the one that is connected to */
  readonly url: string
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
  url,
  broker,
  clientId,
  clean,
  keepaliveS,
  connectTimeoutMs,
  will,
}: ClientOptionsInput): IClientOptions => {
  const { ca, cert, key } = broker
  const { username, password, ...place } = placeOf(url)
  return {
    ...place,
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
    // What stands in an address is meant for that address.
    ...defined({ username: username ?? broker.username, password: password ?? broker.password, ca, cert, key }),
    ...(will === undefined ? {} : { will: { ...will, qos: 1 as const, retain: true } }),
  }
}

/**
 * An address in the parts that MQTT.js takes. Given as a whole it would let a client id in its query take the place of
 * ours, split user and password at an encoded colon, and find no WebSocket on an address of IPv6.
 */
const placeOf = (url: string) => {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url)
  const scheme = schemes[protocol] ?? 'mqtt'
  const isWebSocket = scheme.startsWith('ws')
  return defined({
    protocol: scheme,
    // Only in a URL an address of IPv6 stands in brackets.
    host: isWebSocket ? hostname : hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? undefined : Number(port),
    path: isWebSocket ? `${pathname || '/'}${search}` : undefined,
    username: username === '' ? undefined : decode(username),
    password: password === '' ? undefined : decode(password),
  })
}

/** With a certificate of its own MQTT.js knows no `ssl` or `tcp`. */
const schemes: Readonly<Record<string, 'mqtt' | 'mqtts' | 'ws' | 'wss'>> = {
  'mqtt:': 'mqtt',
  'tcp:': 'mqtt',
  'mqtts:': 'mqtts',
  'ssl:': 'mqtts',
  'ws:': 'ws',
  'wss:': 'wss',
}
