/** What the broker says of itself in the text format of Prometheus. Pure. */
import { exposition } from '../../src/exporter/exposition.ts'
import { type Family, labelsText, type Series } from '../../src/exporter/family.ts'
import type { BrokerStatus } from '../../src/protocol/broker-status.ts'
import { messageClasses } from '../../src/protocol/queued.ts'

type Sample = { readonly labels?: Readonly<Record<string, string>>; readonly value: number }

type Metric = { readonly family: Family; readonly series: readonly Series[] }

export const metricsText = (status: BrokerStatus): string => {
  const metrics = metricsOf(status)
  return [
    ...exposition(
      metrics.map(({ family }) => family),
      metrics.flatMap(({ series }) => series),
    ),
  ].join('')
}

const metricsOf = (status: BrokerStatus): Metric[] => {
  const { traffic, clients, retained, queued, store, bridge } = status
  const ways = (received: number, sent: number): Sample[] => [
    { labels: { direction: 'received' }, value: received },
    { labels: { direction: 'sent' }, value: sent },
  ]
  return [
    gauge('info', 'Which version runs', [{ labels: { version: status.version }, value: 1 }]),
    gauge('start_time_seconds', 'When it started, seconds since 1970', one(status.startedAt / 1_000)),
    gauge('clients_connected', 'Clients that are connected', one(clients.connected)),
    gauge('clients_total', 'Clients that are connected or have a session', one(clients.total)),
    gauge('subscriptions', 'Subscriptions of all clients', one(status.subscriptions)),
    gauge('retained_messages', 'Messages that are retained', one(retained.count)),
    gauge('retained_bytes', 'Topics and payloads that are retained', one(retained.bytes)),
    gauge('queued_messages', 'Messages that wait for clients', one(queued.count)),
    gauge('queued_bytes', 'What waits for clients', one(queued.bytes)),
    ...(store === undefined ? [] : [gauge('store_bytes', 'Journal and snapshot on disk', one(store.bytes))]),
    gauge('disk_fault', '1 while the disk takes nothing', one(status.fault === undefined ? 0 : 1)),
    counter('packets_total', 'MQTT packets of any kind', ways(traffic.messagesReceived, traffic.messagesSent)),
    counter('publishes_total', 'PUBLISH packets', ways(traffic.publishesReceived, traffic.publishesSent)),
    counter('bytes_total', 'Bytes of MQTT', ways(traffic.bytesReceived, traffic.bytesSent)),
    counter('dropped_total', 'Queued messages that were dropped, and why', labelled('reason', status.dropped)),
    counter('refused_total', 'What was refused, by limit', labelled('limit', status.refused)),
    ...(bridge === undefined ? [] : bridgeMetrics(bridge)),
  ]
}

const bridgeMetrics = (bridge: NonNullable<BrokerStatus['bridge']>): Metric[] => {
  const { site } = bridge
  const of = (value: number): Sample[] => [{ labels: { site }, value }]
  return [
    gauge('bridge_up', '1 while the bridge is connected', of(bridge.state === 'up' ? 1 : 0)),
    gauge('bridge_state_due', 'Retained messages that the broker above does not know yet', of(bridge.stateDue)),
    gauge(
      'bridge_queue_bytes',
      'What waits on disk for the link, by class',
      messageClasses.map((one) => ({ labels: { site, class: one }, value: bridge.queued[one]?.bytesOnDisk ?? 0 })),
    ),
    counter('bridge_sent_total', 'Messages that went up', of(bridge.sentUp)),
    counter('bridge_received_total', 'Messages that came down', of(bridge.cameDown)),
    counter(
      'bridge_dropped_total',
      'Messages that will never go up, by class and reason',
      messageClasses.flatMap((one) =>
        Object.entries(bridge.queued[one]?.dropped ?? {}).map(([reason, value = 0]) => ({
          labels: { site, class: one, reason },
          value,
        })),
      ),
    ),
  ]
}

const metric =
  (type: Family['type']) =>
  (name: string, help: string, samples: readonly Sample[]): Metric => {
    const family = { name: `longshore_broker_${name}`, type, help }
    const seriesOf = ({ labels, value }: Sample): Series => ({
      ...{ family, labels: labels === undefined ? '' : labelsText(labels), value },
    })
    return { family, series: samples.map(seriesOf) }
  }

const gauge = metric('gauge')
const counter = metric('counter')

const one = (value: number): Sample[] => [{ value }]
const labelled = (label: string, counts: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
