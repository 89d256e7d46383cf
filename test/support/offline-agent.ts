/**
 * The daemon as it is, on a simulated engine, with a source of events beside its own: each is numbered, and told on stdout
 * when it is safe. A program, started by the tests, which kill it.
 *
 *   node dist/test/offline-agent.mjs '{"config": {...}, "from": 1, "everyMs": 50}'
 */
import { pino } from 'pino'
import { agentConfigSchema } from '../../agent/config.ts'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { startAgent } from '../../agent/main.ts'
import { label } from '../../agent/translate/engine-names.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'

export type OfflineAgentInput = { readonly config: object; readonly from: number; readonly everyMs: number }

const { config, from, everyMs } = JSON.parse(process.argv[2] ?? '{}') as OfflineAgentInput

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const parsed = agentConfigSchema.parse(config)
const engine = simulatedEngine({ now: Date.now })
engine.controls.addImage('web:1', 'sha256:web1')
let outbox: Outbox | undefined
const { stop } = await startAgent(parsed, pino({ level: process.env.TEST_LOG ?? 'silent' }, pino.destination(2)), {
  engine: () => ({
    ...engine,
    startContainer: async (id) => {
      await engine.startContainer(id)
      const { containers } = await engine.list({ agent: parsed.device })
      say(`started ${containers.find((container) => container.id === id)?.labels[label.generation]}`)
    },
  }),
  outbox: (own) => {
    outbox = own
    return own
  },
})
process.once('SIGTERM', () => void stop().then(() => process.exit(0)))

const topic = topicsUnder(parsed.root).event(parsed.device)
for (let n = from; ; n += 1) {
  say(`try ${n}`)
  await outbox?.append('event', { topic, body: { schema: 1, session: 0, kind: 'test', n } })
  say(`kept ${n}`)
  await new Promise((resolve) => setTimeout(resolve, everyMs))
}
