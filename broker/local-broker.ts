/** The broker as its own bridge sees it. Notes of the bridge are retained under `$bridge/`, where nobody can publish. */
import type { LocalBroker, NoteKind } from './bridge/local-broker.ts'
import type { OrderedAedes } from './ordered-aedes.ts'
import type { Store } from './persistence/store.ts'
import type { Refusals } from './refusals.ts'
import { judgePublish, judgeRetained, type Verdict } from './rules.ts'
import type { BrokerSettings } from './settings.ts'

const noteTopic = (kind: NoteKind, topic: string): string => `$bridge/${kind}/${topic}`

export const localBrokerOf = (input: {
  readonly aedes: OrderedAedes
  readonly store: Store
  readonly settings: Pick<BrokerSettings, 'maxPacketBytes' | 'maxTopicBytes' | 'maxTopicLevels' | 'maxRetainedBytes'>
  readonly refusals: Pick<Refusals, 'note'>
}): LocalBroker => {
  const { aedes, store, settings, refusals } = input
  const { retained } = store.state

  const judge = (topic: string, payload: Buffer, retain: boolean): Verdict => {
    const { maxPacketBytes } = settings
    if (payload.length > maxPacketBytes)
      return { refusal: 'maxPacketBytes', message: `${payload.length} bytes; ${maxPacketBytes} are allowed` }
    return judgePublish(topic, settings) ?? judgeRetained({ topic, payload, retain }, retained, settings)
  }

  return {
    retained: (topic) => retained.get(topic)?.payload,
    topics: function* (filter) {
      for (const { topic } of retained.match(filter)) yield topic
    },
    mayTake: (topic, payload, { retain }) => {
      const verdict = judge(topic, payload, retain)
      if (verdict === undefined) return true
      const message = `from above, on ${topic.slice(0, 100)}: ${verdict.message}`
      refusals.note(verdict.refusal, { client: 'bridge' }, message, 'bridge')
      return false
    },
    publish: (topic, payload, { retain }) =>
      new Promise((resolve, reject) => {
        const fault = store.fault()
        if (fault !== undefined) return reject(fault)
        aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain, dup: false }, (error?: Error) =>
          error ? reject(error) : resolve(),
        )
      }),
    note: (kind, topic, digest) =>
      void store.publish({ topic: noteTopic(kind, topic), payload: digest ?? Buffer.alloc(0), qos: 0, retain: true }),
    noted: (kind, topic) => retained.get(noteTopic(kind, topic))?.payload,
    notes: function* (kind) {
      for (const { topic } of retained.match(`${noteTopic(kind, '')}#`)) yield topic.slice(noteTopic(kind, '').length)
    },
  }
}
