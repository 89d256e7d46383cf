/** What the exporter says of itself. */
import { version } from '../version.ts'
import { type Family, labelsText, type Series } from './family.ts'
import type { Counts, Now } from './fleet-view.ts'

const gauge = (name: string, help: string): Family => ({ name, type: 'gauge', help })
const counter = (name: string, help: string): Family => ({ name, type: 'counter', help })

const info = gauge('longshore_exporter_info', 'The version of the exporter.')
const brokerUp = gauge('longshore_exporter_broker_up', '1: the exporter is connected; 0: all it tells is of before.')
const devices = gauge('longshore_exporter_devices', 'Devices that it knows.')
const samples = gauge('longshore_exporter_samples', 'Values of telemetry that it keeps.')
const messages = counter('longshore_exporter_messages_total', 'Messages that came, by kind.')
const leftOut = counter('longshore_exporter_left_out_total', 'Messages and values that were left out, by reason.')
const scrapeTime = gauge('longshore_exporter_last_scrape_duration_seconds', 'What writing all of it took, last time.')
const cpu = counter('process_cpu_seconds_total', 'Processor time of the exporter.')
const memory = gauge('process_resident_memory_bytes', 'Memory of the exporter.')
const startTime = gauge('process_start_time_seconds', 'When the exporter started, in Unix time.')

export const ownFamilies: readonly Family[] = [
  ...[info, brokerUp, devices, samples, messages, leftOut, scrapeTime, cpu, memory, startTime],
]

export type OwnState = {
  readonly isConnected: boolean
  readonly counts: Counts
  /** by kind of topic */
  readonly messages: ReadonlyMap<string, number>
  readonly lastScrapeMs: number
  readonly process: Pick<NodeJS.Process, 'cpuUsage' | 'memoryUsage' | 'uptime'>
}

export const ownSeries = ({ isConnected, counts, process, ...state }: OwnState, now: Now): Series[] => {
  const { user, system } = process.cpuUsage()
  return [
    { family: info, labels: labelsText({ version }), value: 1 },
    ...[...state.messages].map(([kind, value]) => ({ family: messages, labels: labelsText({ kind }), value })),
    ...[...counts.leftOut].map(([reason, value]) => ({ family: leftOut, labels: labelsText({ reason }), value })),
    ...(
      [
        [brokerUp, Number(isConnected)],
        [devices, counts.devices],
        [samples, counts.samples],
        [scrapeTime, state.lastScrapeMs / 1_000],
        [cpu, (user + system) / 1e6],
        [memory, process.memoryUsage.rss()],
        [startTime, Math.round(now.epochMs / 1_000 - process.uptime())],
      ] as const
    ).map(([family, value]) => ({ family, labels: '', value })),
  ]
}
