/** What the broker says of itself under `$SYS/broker/`, in the words of Mosquitto, so that what watches one watches the other. Pure. */
import type { BrokerStatus } from '../../src/protocol/broker-status.ts'
import type { Loads } from './load.ts'

/** Topics below `$SYS/broker/`, and their texts. */
export const sysTopics = (status: BrokerStatus, loads: Loads): Record<string, string> => {
  const { traffic, clients, retained, queued, bridge } = status
  const numbers = {
    'clients/connected': clients.connected,
    'clients/disconnected': clients.total - clients.connected,
    'clients/total': clients.total,
    'clients/maximum': clients.maximum,
    'messages/received': traffic.messagesReceived,
    'messages/sent': traffic.messagesSent,
    'publish/messages/received': traffic.publishesReceived,
    'publish/messages/sent': traffic.publishesSent,
    'publish/messages/dropped': sum(status.dropped) + (status.refused.qos0Dropped ?? 0),
    'bytes/received': traffic.bytesReceived,
    'bytes/sent': traffic.bytesSent,
    'subscriptions/count': status.subscriptions,
    'retained messages/count': retained.count,
    'store/messages/count': retained.count + queued.count,
    'store/messages/bytes': retained.bytes + queued.bytes,
    'messages/stored': retained.count + queued.count,
  }
  return {
    version: `longshore ${status.version}`,
    uptime: `${Math.floor((status.at - status.startedAt) / 1_000)} seconds`,
    ...Object.fromEntries(Object.entries(numbers).map(([topic, value]) => [topic, String(value)])),
    ...Object.fromEntries(Object.entries(loads).map(([topic, value]) => [`load/${topic}`, value.toFixed(2)])),
    ...(bridge === undefined ? {} : { [`connection/${bridge.site}/state`]: bridge.state === 'up' ? '1' : '0' }),
  }
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)
