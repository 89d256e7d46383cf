/** An MQTT client for tests: listens from the first moment, never reconnects by itself, and ends with its test. */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { addressesOf } from '../../src/link/addresses.ts'
import { eventually } from './eventually.ts'

export type Received = { readonly topic: string; readonly text: string; readonly retain: boolean }

export type TestClient = {
  readonly client: MqttClient
  readonly received: readonly Received[]
  /** Waits until a message with this topic and text has come. */
  readonly expect: (topic: string, text?: string) => Promise<Received>
  readonly isClosed: () => boolean
}

export const openClient = async (addresses: string, options: IClientOptions = {}): Promise<TestClient> => {
  const [url = addresses] = addressesOf(addresses)
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 5_000, ...options })
  onTestFinished(() => client.endAsync(true).then(() => {}))
  const received: Received[] = []
  let closed = false
  let lastError: Error | undefined
  client.on('message', (topic, payload, packet) => {
    received.push({ topic, text: payload.toString(), retain: packet.retain })
  })
  client.on('error', (error) => {
    lastError = error
  })
  client.on('close', () => {
    closed = true
  })
  await eventually(`a connection to ${url}`, () => client.connected || closed, { timeoutMs: 10_000, everyMs: 5 })
  if (!client.connected && closed && lastError !== undefined) throw lastError
  return {
    client,
    received,
    expect: (topic, text) =>
      eventually(
        `a message on ${topic}${text === undefined ? '' : ` saying ${text.slice(0, 60)}`}`,
        () => received.find((message) => message.topic === topic && (text === undefined || message.text === text)),
        { everyMs: 5 },
      ),
    isClosed: () => closed,
  }
}
