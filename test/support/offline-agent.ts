/**
 * The daemon as it is, on a simulated engine, with a source of events or telemetry beside its own: each is numbered, and told
 * on stdout when it is safe, with the bytes of topics and messages so far. A program, started by the tests, which kill it. At SIGUSR2 the first
 * container ends and comes back.
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

export type OfflineAgentInput = {
  readonly config: object
  readonly from: number
  /** 0: nothing beside its own */
  readonly everyMs: number
  /** default: event */
  readonly messageClass?: 'event' | 'telemetry'
}

const { config, from, everyMs, messageClass = 'event' } = JSON.parse(process.argv[2] ?? '{}') as OfflineAgentInput

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

process.on('SIGUSR2', () => engine.controls.exitContainer(engine.controls.containers()[0]?.name ?? '', 1))

const topic = topicsUnder(parsed.root).event(parsed.device)
const figures = {
  cpuPercent: 12.5,
  memoryUsedBytes: 1_234_567_890,
  diskUsedBytes: 9_876_543_210,
  temperatureCelsius: 51.2,
}
let queuedBytes = 0
for (let n = from; everyMs > 0; n += 1) {
  say(`try ${n}`)
  const body = { schema: 1, session: 0, kind: 'test', n, ...(messageClass === 'telemetry' ? figures : {}) }
  await outbox?.append(messageClass, { topic, body })
  queuedBytes += topic.length + JSON.stringify(body).length
  say(`kept ${n} ${queuedBytes}`)
  await new Promise((resolve) => setTimeout(resolve, everyMs))
}
