/** A broker with nothing but retained messages, and operators that use it at once; `step` decides who goes on when. */
import { type Fleet, type FleetMessage, matches } from '../../src/fleet/fleet.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'

export type MemoryBroker = {
  readonly retained: Map<string, Buffer>
  readonly connect: (step?: () => Promise<void>) => Fleet
}

export const createMemoryBroker = (): MemoryBroker => {
  const retained = new Map<string, Buffer>()
  const watches = new Set<{ filters: readonly string[]; listener: (message: FleetMessage) => void }>()

  const watch: Fleet['watch'] = async (filters, listener) => {
    const entry = { filters, listener }
    watches.add(entry)
    for (const [topic, payload] of retained)
      if (filters.some((filter) => matches(filter, topic))) listener({ topic, payload, retain: true })
    return async () => void watches.delete(entry)
  }

  const connect = (step: () => Promise<void> = async () => undefined): Fleet => ({
    topics: topicsUnder('longshore'),
    watch,
    read: async (filters) => {
      await step()
      const found = new Map<string, Buffer>()
      // What changes while it reads belongs to what it finds, as over a real link.
      const end = await watch(filters, ({ topic, payload }) => {
        if (payload.byteLength === 0) found.delete(topic)
        else found.set(topic, payload)
      })
      await step()
      await end()
      return found
    },
    publish: async (topic, payload, { retain }) => {
      await step()
      if (retain && payload.byteLength === 0) retained.delete(topic)
      else if (retain) retained.set(topic, payload)
      for (const { filters, listener } of [...watches])
        if (filters.some((filter) => matches(filter, topic))) listener({ topic, payload, retain: false })
      await step()
    },
    close: async () => undefined,
  })
  return { retained, connect }
}
