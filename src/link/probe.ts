/**
 * One connection to find out with what a broker does: never kept up, and nothing is tried again. Whatever it says no to is an
 * answer, not a fault.
 */
import { randomBytes } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import mqtt from 'mqtt'
import { LongshoreError } from '../protocol/reason.ts'
import { addressesOf, shownAddress } from './addresses.ts'
import { clientOptions } from './client-options.ts'
import { connectionFailure } from './connection-failure.ts'
import type { Broker, Will } from './contract.ts'

export type ProbeInput = {
  readonly broker: Broker
  /** default: a new one */
  readonly clientId?: string
  /** true: the session outlasts the connection */
  readonly keepSession?: boolean
  readonly will?: Will
  /** for the connection, and for each answer */
  readonly timeoutMs: number
}

export type ProbeMessage = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean }

export type Probe = {
  readonly clientId: string
  /** all that came, as it came */
  readonly received: readonly ProbeMessage[]
  /** what TLS was agreed on, and until when the certificate of the broker is valid; undefined: no TLS */
  readonly tls: { readonly protocol: string; readonly validTo: string } | undefined
  /** What was granted: a QoS, or from 0x80 a refusal. Throws no-answer, or link-down where the broker ended the connection. */
  readonly subscribe: (filter: string) => Promise<number>
  /** Resolves when it is acknowledged; throws as `subscribe` does, and publish-refused. */
  readonly publish: (topic: string, payload: Buffer | string, retain?: boolean) => Promise<void>
  /** Whether such a message has come, or comes in time. */
  readonly comes: (topic: string, payload?: Buffer | string, timeoutMs?: number) => Promise<boolean>
  readonly isClosed: () => boolean
  /** Goes without a word, as in a power cut: the broker sends the will. */
  readonly vanish: () => void
  readonly close: () => Promise<void>
}

/** To the first of several addresses that answers. @throws LongshoreError broker-unreachable, broker-refused, broker-untrusted */
export const openProbe = async (input: ProbeInput): Promise<Probe> => {
  let failure: unknown
  for (const url of addressesOf(input.broker.url)) {
    try {
      return await openAt(url, input)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

const openAt = async (url: string, input: ProbeInput): Promise<Probe> => {
  const { broker, timeoutMs, keepSession = false, will } = input
  const clientId = input.clientId ?? `longshore-doctor-${randomBytes(6).toString('hex')}`
  const address = shownAddress(url)
  const received: ProbeMessage[] = []
  const newMessage = new EventTarget()
  const closed = new AbortController()
  let client: mqtt.MqttClient
  try {
    client = mqtt.connect(
      clientOptions({ url, broker, clientId, clean: !keepSession, keepaliveS: 30, connectTimeoutMs: timeoutMs, will }),
    )
  } catch (error) {
    throw connectionFailure(address, error as Error)
  }
  client.on('message', (topic, payload, { retain }) => {
    received.push({ topic, payload: Buffer.from(payload), retain })
    newMessage.dispatchEvent(new Event('message'))
  })
  client.on('close', () => closed.abort())
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', (error) => reject(connectionFailure(address, error)))
    client.once('close', () =>
      reject(
        new LongshoreError(
          'broker-unreachable',
          `${address} closed the connection before it answered, or nobody is there`,
        ),
      ),
    )
  }).catch((error: unknown) => {
    client.end(true)
    throw error
  })
  client.on('error', () => client.end(true))

  /** An answer, or why there is none. */
  const answer = <T>(doing: string, ask: (done: (error?: Error | null, value?: T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new LongshoreError('link-down', `${doing}: the broker ended the connection`))
      const timer = setTimeout(
        () => reject(new LongshoreError('no-answer', `${doing}: no answer within ${timeoutMs / 1000} s`)),
        timeoutMs,
      )
      const settle = (): void => {
        clearTimeout(timer)
        closed.signal.removeEventListener('abort', ended)
      }
      if (closed.signal.aborted) {
        settle()
        ended()
        return
      }
      closed.signal.addEventListener('abort', ended, { once: true })
      ask((error, value) => {
        settle()
        if (error == null) resolve(value as T)
        else if (closed.signal.aborted) ended()
        else reject(new LongshoreError('publish-refused', `${doing}: ${error.message}`, { cause: error }))
      })
    })

  return {
    clientId,
    received,
    tls: tlsOf(client.stream),
    subscribe: (filter) =>
      answer<number>(`subscribing to ${filter}`, (done) =>
        client.subscribe(filter, { qos: 1 }, (error, _grants, packet) => {
          const refused = (error as { packet?: { granted?: unknown[] } } | null)?.packet?.granted?.[0]
          const granted = refused ?? packet?.granted?.[0]
          if (typeof granted === 'number') done(null, granted)
          else done(error ?? null, 0)
        }),
      ),
    publish: (topic, payload, retain = false) =>
      answer<void>(`publishing to ${topic}`, (done) =>
        client.publish(topic, payload, { qos: 1, retain }, (error) => done(error ?? null)),
      ),
    comes: (topic, payload, waitMs = timeoutMs) =>
      new Promise((resolve) => {
        const isThere = (): boolean =>
          received.some(
            (message) =>
              message.topic === topic && (payload === undefined || message.payload.equals(Buffer.from(payload))),
          )
        const finish = (value: boolean): void => {
          clearTimeout(timer)
          newMessage.removeEventListener('message', look)
          closed.signal.removeEventListener('abort', look)
          resolve(value)
        }
        const look = (): void => {
          if (isThere()) finish(true)
          else if (closed.signal.aborted) finish(false)
        }
        const timer = setTimeout(() => finish(isThere()), waitMs)
        newMessage.addEventListener('message', look)
        closed.signal.addEventListener('abort', look)
        look()
      }),
    isClosed: () => closed.signal.aborted,
    vanish: () => void client.stream.destroy(),
    close: async () => {
      // A peer that does not answer must not keep us.
      await Promise.race([client.endAsync(), new Promise((resolve) => setTimeout(resolve, 500).unref())])
      client.stream.destroy()
    },
  }
}

const tlsOf = (stream: unknown): Probe['tls'] =>
  stream instanceof TLSSocket
    ? { protocol: stream.getProtocol() ?? 'TLS', validTo: stream.getPeerCertificate().valid_to }
    : undefined
