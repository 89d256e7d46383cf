/** How much a minute, averaged over 1, 5 and 15 minutes, of which what is longer ago counts less. Pure. */
import type { BrokerStatus } from '../../src/protocol/broker-status.ts'

/** By topic below `$SYS/broker/load/`. */
export type Loads = Readonly<Record<string, number>>

export type LoadReading = { readonly atMs: number; readonly traffic: BrokerStatus['traffic'] }

const names: Readonly<Record<string, keyof LoadReading['traffic']>> = {
  'messages/received': 'messagesReceived',
  'messages/sent': 'messagesSent',
  'publish/received': 'publishesReceived',
  'publish/sent': 'publishesSent',
  'bytes/received': 'bytesReceived',
  'bytes/sent': 'bytesSent',
}

const minuteMs = 60_000
const windows = [1, 5, 15]

/** @param atMs of both readings: of a clock that never jumps */
export const nextLoads = (loads: Loads, before: LoadReading, now: LoadReading): Loads => {
  const passedMs = now.atMs - before.atMs
  if (passedMs <= 0) return loads
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, count]) =>
      windows.map((minutes) => {
        const topic = `${name}/${minutes}min`
        const newest = ((now.traffic[count] as number) - (before.traffic[count] as number)) * (minuteMs / passedMs)
        const weight = Math.exp(-passedMs / (minutes * minuteMs))
        return [topic, newest + ((loads[topic] ?? 0) - newest) * weight]
      }),
    ),
  )
}
