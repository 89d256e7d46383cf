/** What comes from above while the bridge is still clearing what is gone there. */
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createDownState } from '../../../broker/bridge/down-state.ts'
import { digestOf, type LocalBroker } from '../../../broker/bridge/local-broker.ts'
import { createRoutes } from '../../../broker/bridge/route.ts'

const [first, second] = ['longshore/v1/gw/desired/a', 'longshore/v1/gw/desired/b']
const before = Buffer.from('before')
const after = Buffer.from('after')

/** A broker that takes its time to write; `writing` is called while it does. */
const createLocal = (writing: (topic: string) => Promise<void>) => {
  const retained = new Map<string, Buffer>([first, second].map((topic) => [topic, before]))
  const notes = new Map<string, Buffer>([first, second].map((topic) => [topic, digestOf(before)]))
  const local: LocalBroker = {
    retained: (topic) => retained.get(topic),
    topics: () => retained.keys(),
    mayTake: () => true,
    publish: async (topic, payload) => {
      if (payload.length === 0) retained.delete(topic)
      else retained.set(topic, payload)
      if (payload.length === 0) await writing(topic)
    },
    note: (_kind, topic, digest) => void (digest === null ? notes.delete(topic) : notes.set(topic, digest)),
    noted: (_kind, topic) => notes.get(topic),
    notes: () => notes.keys(),
  }
  return { local, retained, notes }
}

test.each([
  ['another topic', second],
  ['the same topic', first],
])('a new value on %s, come while one is cleared, is kept as what came from above', async (_what, topic) => {
  const { local, retained, notes } = createLocal(async (cleared) => {
    if (cleared === first) await downState.received(topic, 'desired', after)
  })
  const downState = createDownState({
    local,
    routes: createRoutes({ root: 'longshore', rootAbove: undefined }),
    link: { subscribe: async () => undefined, unsubscribe: async () => undefined },
    quietMs: 1,
    log: pino({ level: 'silent' }),
  })
  downState.begin()
  await downState.compare(false, new AbortController().signal)
  expect([...retained]).toEqual([[topic, after]])
  expect([...notes]).toEqual([[topic, digestOf(after)]])
})
