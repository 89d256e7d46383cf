/** What no client may do, whoever it is. Who may use which topics is for authorisation to say. Pure. */
import type { Refusal } from './refusals.ts'
import type { BrokerSettings } from './settings.ts'

export type Verdict = { readonly refusal: Refusal; readonly message: string } | undefined

type TopicLimits = Pick<BrokerSettings, 'maxTopicBytes' | 'maxTopicLevels'>

/** undefined where it may. */
export const judgePublish = (topic: string, limits: TopicLimits): Verdict =>
  // [MQTT-4.7.2-1]: topics with a leading $ are the broker's own.
  topic.startsWith('$')
    ? { refusal: 'reservedTopic', message: `publishing to ${shorten(topic)} is for the broker only` }
    : judgeLength(topic, limits)

/** undefined where it may. @param retained what there is already */
export const judgeRetained = (
  packet: { readonly topic: string; readonly payload: Buffer | string; readonly retain: boolean },
  retained: { readonly bytes: () => number; readonly get: (topic: string) => { payload: Buffer } | undefined },
  { maxRetainedBytes }: Pick<BrokerSettings, 'maxRetainedBytes'>,
): Verdict => {
  const more = packet.payload.length - (retained.get(packet.topic)?.payload.length ?? 0)
  return packet.retain && more > 0 && retained.bytes() + more > maxRetainedBytes
    ? { refusal: 'maxRetainedBytes', message: `${retained.bytes()} bytes are retained already` }
    : undefined
}

/** undefined where it may. @param count of the other filters that the client has */
export const judgeSubscribe = (
  filter: string,
  count: number,
  limits: TopicLimits & Pick<BrokerSettings, 'maxSubscriptions'>,
): Verdict => {
  // aedes knows no shared subscriptions: it would grant `$share/group/topic` and never deliver a message.
  if (filter.startsWith('$share/') || filter.startsWith('$queue/'))
    return { refusal: 'sharedSubscription', message: 'shared subscriptions are not supported' }
  if (count >= limits.maxSubscriptions)
    return { refusal: 'maxSubscriptions', message: `the client has ${count} subscriptions already` }
  return judgeLength(filter, limits)
}

const judgeLength = (topic: string, { maxTopicBytes, maxTopicLevels }: TopicLimits): Verdict => {
  const bytes = Buffer.byteLength(topic)
  if (bytes > maxTopicBytes)
    return { refusal: 'maxTopicBytes', message: `a topic of ${bytes} bytes; ${maxTopicBytes} are allowed` }
  const levels = topic.split('/').length
  if (levels > maxTopicLevels)
    return { refusal: 'maxTopicLevels', message: `a topic of ${levels} levels; ${maxTopicLevels} are allowed` }
  return undefined
}

const shorten = (topic: string): string => (topic.length > 60 ? `${topic.slice(0, 60)}…` : topic)

/** Only loopback may be listened on without authentication and without a warning. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)

/**
 * Whether a WebSocket handshake may go on. Browsers always send Origin, and let any page on the web connect to a port
 * on localhost: so a page must be on the list. Nothing is served on this port, so no page is of the same origin.
 */
export const mayUpgrade = (
  request: { readonly origin: string | undefined; readonly protocols: string | undefined },
  allowedOrigins: readonly string[],
): { readonly ok: true } | { readonly ok: false; readonly status: number; readonly message: string } => {
  if (request.origin !== undefined && !allowedOrigins.includes(request.origin))
    return { ok: false, status: 403, message: `origin ${request.origin} is not allowed` }
  // [MQTT-6.0.0-3]: the client names the subprotocol mqtt.
  if (!request.protocols?.split(',').some((protocol) => protocol.trim() === 'mqtt'))
    return { ok: false, status: 400, message: 'the WebSocket subprotocol mqtt is required' }
  return { ok: true }
}
