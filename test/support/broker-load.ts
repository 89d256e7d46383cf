/**
 * Counts what a broker acknowledged and what it delivered, on either side of it, across its restarts. Both sides reconnect
 * by themselves; what was not acknowledged is published again, as a new message.
 */
import mqtt, { type MqttClient } from 'mqtt'

export type BrokerLoad = {
  /** Numbers that the broker acknowledged. */
  readonly acknowledged: ReadonlySet<number>
  readonly delivered: ReadonlySet<number>
  /** What came after a higher number of the same publisher had come already, and was not a repetition. */
  readonly outOfOrder: () => number
  /** The newest number that was acknowledged as retained, by topic. */
  readonly retained: ReadonlyMap<string, number>
  /** Publishes no more, and waits for what is on its way. */
  readonly settle: () => Promise<void>
  readonly stop: () => Promise<void>
}

const everyMs = 20
const wanted = 64

export const startLoad = (url: string, name: string): BrokerLoad => {
  const acknowledged = new Set<number>()
  const delivered = new Set<number>()
  const retained = new Map<string, number>()
  const open = (role: string): MqttClient => {
    const client = mqtt.connect(url, {
      clientId: `${name}-${role}`,
      clean: role === 'writer',
      reconnectPeriod: everyMs,
      connectTimeout: 5_000,
      queueQoSZero: false,
    })
    client.on('error', () => {})
    return client
  }
  let highest = -1
  let late = 0
  const reader = open('reader')
  reader.on('connect', ({ sessionPresent }) => {
    if (!sessionPresent) reader.subscribe(`${name}/message/#`, { qos: 1 })
  })
  reader.on('message', (_topic, payload) => {
    const number = Number.parseInt(payload.toString(), 10)
    if (number < highest && !delivered.has(number)) late += 1
    highest = Math.max(highest, number)
    delivered.add(number)
  })

  const writer = open('writer')
  let next = 0
  let inFlight = 0
  let isStopping = false
  const fill = (): void => {
    while (!isStopping && writer.connected && inFlight < wanted) publishOne(next++)
  }
  const publishOne = (number: number): void => {
    const isRetained = number % 8 === 0
    const topic = isRetained ? `${name}/retained/${number % 40}` : `${name}/message/${number % 5}`
    inFlight += 1
    writer.publish(topic, `${number} ${'x'.repeat(number % 300)}`, { qos: 1, retain: isRetained }, (error) => {
      inFlight -= 1
      if (error) return
      if (isRetained) retained.set(topic, Math.max(number, retained.get(topic) ?? 0))
      else acknowledged.add(number)
      setImmediate(fill)
    })
  }
  writer.on('connect', fill)
  const timer = setInterval(fill, everyMs)

  return {
    acknowledged,
    delivered,
    retained,
    outOfOrder: () => late,
    settle: async () => {
      isStopping = true
      for (let waited = 0; inFlight > 0 && waited < 10_000; waited += everyMs)
        await new Promise((resolve) => setTimeout(resolve, everyMs))
    },
    stop: async () => {
      isStopping = true
      clearInterval(timer)
      await Promise.all([reader.endAsync(true), writer.endAsync(true)])
    },
  }
}
