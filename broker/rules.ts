/** Which topics no client may use, whoever it is. Who may use which of the others is for authorisation to say. */

/** [MQTT-4.7.2-1]: topics with a leading $ are the broker's own. */
export const mayPublish = (topic: string): boolean => !topic.startsWith('$')

/** aedes knows no shared subscriptions: it would grant `$share/group/topic` and never deliver a message. */
export const maySubscribe = (filter: string): boolean => !filter.startsWith('$share/') && !filter.startsWith('$queue/')

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
