/** The verb `logs` against an engine that is played. */
import { expect, test } from 'vitest'
import type { EngineContainer } from '../../../agent/engine/engine.ts'
import { logTime } from '../../../agent/engine/log-time.ts'
import { createLogRing } from '../../../agent/log-ring.ts'
import { createLogs } from '../../../agent/logs/logs.ts'
import { memoryStore } from '../../../agent/store/memory-store.ts'
import { label } from '../../../agent/translate/engine-names.ts'
import { topicsUnder } from '../../../src/protocol/topics.ts'
import { silent } from '../../support/agents.ts'
import { app, assignment, committed, serviceModel } from '../../support/builders.ts'
import { eventually } from '../../support/eventually.ts'
import { verbContext } from '../../support/verb-context.ts'

test('a container that starts while a log is begun to be followed is followed too', async () => {
  const store = memoryStore()
  await store.updateApp(app, () => committed(assignment(serviceModel({ web: {} }))))
  const labels = { [label.app]: app, [label.service]: 'web' }
  const container = { id: 'c1', name: 'shop-web-1', state: 'running', labels } as unknown as EngineContainer
  let looks = 0
  const sent: string[] = []
  const logs = createLogs({
    ...{ device: 'gw-1', topics: topicsUnder('longshore'), store, ownLog: createLogRing(Date.now), log: silent },
    ...{ maxBytes: 100_000, bytesPerDay: 0, nowMs: Date.now, monotonicMs: () => performance.now() },
    engine: {
      list: async () => {
        looks += 1
        if (looks > 1) return { containers: [container], networks: [], volumes: [] }
        // It was not there when the engine looked, and is told of before the answer is here.
        logs.onEngineEvent({ subject: 'container', action: 'start', id: 'c1', labels } as never)
        return { containers: [], networks: [], volumes: [] }
      },
      async *logs() {
        yield [{ stream: 'stdout' as const, time: logTime(Date.now()), bytes: Buffer.from('hello\n') }]
      },
    },
    link: () => ({
      publish: async (_topic, payload) => void sent.push(payload.toString()),
      subscribe: async () => undefined,
      isConnected: () => true,
    }),
  })
  const ending = new AbortController()
  const answer = logs.verb({ app, follow: true }, verbContext({ signal: ending.signal }))
  await eventually('its line', () => sent.some((chunk) => chunk.includes('hello')), { timeoutMs: 3_000 })
  ending.abort()
  expect(await answer).toMatchObject({ outcome: 'failed' })
})
