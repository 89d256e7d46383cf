/** The broker as its own bridge sees it. Notes of the bridge are retained under `$bridge/`, where nobody can publish. */
import type { LocalBroker, NoteKind } from './bridge/local-broker.ts'
import type { OrderedAedes } from './ordered-aedes.ts'
import type { Store } from './persistence/store.ts'

const noteTopic = (kind: NoteKind, topic: string): string => `$bridge/${kind}/${topic}`

export const localBrokerOf = (aedes: OrderedAedes, store: Store): LocalBroker => ({
  retained: (topic) => store.state.retained.get(topic)?.payload,
  topics: function* (filter) {
    for (const { topic } of store.state.retained.match(filter)) yield topic
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
  noted: (kind, topic) => store.state.retained.get(noteTopic(kind, topic))?.payload,
  notes: function* (kind) {
    for (const { topic } of store.state.retained.match(`${noteTopic(kind, '')}#`))
      yield topic.slice(noteTopic(kind, '').length)
  },
})
