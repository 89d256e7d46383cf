/** Counts what arrives, with nothing of the agent's own code: every number kept must come, in order but for repetitions. */
import mqtt, { type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'

export type EventCounter = {
  readonly client: MqttClient
  readonly received: (n: number) => boolean
  readonly count: () => number
  readonly duplicates: () => number
  /** What is wrong with the numbers of the device's own, by class and epoch: gaps that no report of a drop explains. */
  readonly gaps: () => string[]
  readonly kinds: () => ReadonlyMap<string, number>
  readonly connected: () => Promise<void>
}

type Message = {
  readonly class: string
  readonly epoch: number
  readonly seq: number
  readonly kind: string
  readonly n?: number
  readonly dropped?: { class: string; epoch: number; from: number; to: number }
}

/** Its session outlasts its connection. @param url of the broker itself */
export const startEventCounter = async (url: string, device: string): Promise<EventCounter> => {
  const numbers = new Set<number>()
  const streams = new Map<string, Set<number>>()
  const kinds = new Map<string, number>()
  let duplicates = 0
  const client = mqtt.connect(url, { clientId: `counter-${device}`, clean: false, reconnectPeriod: 100 })
  onTestFinished(() => client.endAsync(true))
  const seenOf = (stream: string): Set<number> => {
    const seen = streams.get(stream) ?? new Set()
    streams.set(stream, seen)
    return seen
  }
  client.on('message', (_topic, payload) => {
    const message = JSON.parse(payload.toString()) as Message
    const seen = seenOf(`${message.class} ${message.epoch}`)
    if (seen.has(message.seq)) duplicates += 1
    else kinds.set(message.kind, (kinds.get(message.kind) ?? 0) + 1)
    seen.add(message.seq)
    if (message.n !== undefined) numbers.add(message.n)
    if (message.dropped !== undefined)
      for (let seq = message.dropped.from; seq <= message.dropped.to; seq += 1)
        seenOf(`${message.dropped.class} ${message.dropped.epoch}`).add(seq)
  })
  client.on('connect', ({ sessionPresent }) => {
    if (!sessionPresent) void client.subscribeAsync(`longshore/v1/${device}/event`, { qos: 1 })
  })
  const connected = async (): Promise<void> => {
    while (!client.connected) await new Promise((resolve) => setTimeout(resolve, 20))
    await client.subscribeAsync(`longshore/v1/${device}/event`, { qos: 1 })
  }
  await connected()
  return {
    client,
    received: (n) => numbers.has(n),
    count: () => numbers.size,
    duplicates: () => duplicates,
    gaps: () =>
      [...streams].flatMap(([stream, seen]) => {
        const missing = Array.from({ length: Math.max(...seen) }, (_, index) => index + 1).filter(
          (seq) => !seen.has(seq),
        )
        return missing.length === 0 ? [] : [`${stream}: ${missing.slice(0, 10).join(', ')}`]
      }),
    kinds: () => kinds,
    connected,
  }
}
