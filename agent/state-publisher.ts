/**
 * Publishes what the broker retains of this device. A message over which the broker ends the connection would come again
 * on each connection, for ever: it is found by sending it alone, on a connection that holds without it, and from then on a
 * shorter form of it is sent, or none.
 */
import type { Logger } from 'pino'
import type { Link } from '../src/link/link.ts'
import { writePayload } from '../src/protocol/payload.ts'
import { LongshoreError, reasonOf } from '../src/protocol/reason.ts'

export type StatePublisher = {
  /**
   * Resolves when the broker has it, or when it was set aside in each of its forms. Rejects when it is to be sent again
   * on the next connection.
   * @param forms of one message, the longest first; none clears what is retained
   */
  readonly publish: (topic: string, forms: Iterable<object>) => Promise<void>
  readonly clear: (topic: string) => Promise<void>
  readonly setConnected: (isConnected: boolean) => void
}

export type StatePublisherInput = {
  readonly publish: Link['publish']
  /** what the broker takes, as far as one told us */
  readonly maxBytes: number
  readonly monotonicMs: () => number
  readonly log: Logger
}

/** A message that the connection broke over so often is sent alone, to be sure that it is the cause… */
const lossesUntilAlone = 3
/** …and after so many more it is. */
const lossesAlone = 3
/** A connection that stands so long without it is no flapping one. */
const provenMs = 3_000
/** The broker may have been set otherwise since. */
const rememberMs = 86_400_000
const lookMs = 250

type Learnt = { losses: number; tooLargeBytes: number; isTold: boolean; readonly atMs: number }
type Sent = { readonly topic: string; readonly bytes: number }

export const createStatePublisher = (input: StatePublisherInput): StatePublisher => {
  const { maxBytes, monotonicMs, log } = input
  const learnt = new Map<string, Learnt>()
  const inFlight = new Set<Sent>()
  let connection = 0
  let isConnected = false
  let connectedMs = 0

  const of = (topic: string): Learnt => {
    const known = learnt.get(topic)
    if (known !== undefined && monotonicMs() - known.atMs < rememberMs) return known
    const fresh = { losses: 0, tooLargeBytes: maxBytes + 1, isTold: false, atMs: monotonicMs() }
    learnt.set(topic, fresh)
    return fresh
  }

  const untilAlone = async (): Promise<void> => {
    const asked = connection
    while (isConnected && (monotonicMs() < connectedMs + provenMs || inFlight.size > 0)) {
      await new Promise((resolve) => setTimeout(resolve, lookMs).unref())
      if (connection !== asked) break
    }
    if (connection !== asked || !isConnected)
      throw new LongshoreError('link-down', 'publishing: the connection was lost')
  }

  const setAside = ({ topic, bytes }: Sent, why: string): void => {
    const state = of(topic)
    const isNews = bytes < state.tooLargeBytes || !state.isTold
    state.tooLargeBytes = Math.min(state.tooLargeBytes, bytes)
    state.isTold = true
    state.losses = 0
    if (!isNews) return
    const said = `${why}; it is set aside. If the broker limits the size of messages, set maxBytes to what it takes`
    log.error({ code: 'payload-too-large', topic, bytes }, said)
  }

  /** Brokers take messages in order: the first without an answer may be the cause. */
  const blameFirst = (): void => {
    const [first] = inFlight
    inFlight.clear()
    if (first === undefined) return
    const state = of(first.topic)
    state.losses += 1
    if (state.losses >= lossesUntilAlone + lossesAlone)
      setAside(first, `the connection breaks over a message of ${first.bytes} bytes to ${first.topic}`)
  }

  const send = async (topic: string, payload: Buffer): Promise<'sent' | 'set-aside'> => {
    if (of(topic).losses >= lossesUntilAlone) await untilAlone()
    if (!isConnected) throw new LongshoreError('link-down', `publishing to ${topic}: there is no connection`)
    const sent = { topic, bytes: payload.byteLength }
    inFlight.add(sent)
    try {
      await input.publish(topic, payload, { qos: 1, retain: true })
      of(topic).losses = 0
      return 'sent'
    } catch (error) {
      const { code, message } = reasonOf(error)
      if (code === 'payload-too-large') {
        setAside(sent, message)
        return 'set-aside'
      }
      if (code !== 'link-down') log.error({ code, topic }, message)
      else if (inFlight.has(sent)) blameFirst()
      throw error
    } finally {
      inFlight.delete(sent)
    }
  }

  return {
    publish: async (topic, forms) => {
      for (const form of forms) {
        const payload = writePayload(form)
        const bytes = payload.byteLength
        if (bytes < of(topic).tooLargeBytes) {
          if ((await send(topic, payload)) === 'sent') return
        } else if (bytes > maxBytes)
          setAside({ topic, bytes }, `a message to ${topic} has ${bytes} bytes, and maxBytes is ${maxBytes}`)
      }
    },
    clear: async (topic) => void (await send(topic, Buffer.alloc(0))),
    setConnected: (isUp) => {
      if (isUp && !isConnected) {
        connection += 1
        connectedMs = monotonicMs()
      }
      isConnected = isUp
    },
  }
}
