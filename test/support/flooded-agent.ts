/**
 * The daemon as it is, on a simulated engine, with a link that stands for a moment at a time, and with many events. Says in
 * the end how much its memory grew. A program, started by the tests.
 *
 *   node --expose-gc dist/test/flooded-agent.mjs '{"config": {...}, "events": 200000, "flaps": 1000}'
 */
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { agentConfigSchema } from '../../agent/config.ts'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { startAgent } from '../../agent/main.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'

export type FloodedAgentInput = { readonly config: object; readonly events: number; readonly flaps: number }

export type FloodedAgentResult = {
  readonly connections: number
  readonly heapBytes: number
  readonly residentBytes: number
}

const { config, events, flaps } = JSON.parse(process.argv[2] ?? '{}') as FloodedAgentInput

let connections = 0
const flapping = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.once('data', () => {
    connections += 1
    // CONNACK, and gone.
    socket.end(Buffer.from([0x20, 2, 0, 0]))
  })
}).listen(0, '127.0.0.1')
await new Promise((resolve) => flapping.once('listening', resolve))

const broker = `mqtt://127.0.0.1:${(flapping.address() as AddressInfo).port}`
// No pause between two connections, which no setting allows.
const parsed = { ...agentConfigSchema.parse({ ...config, broker }), reconnectMaxS: 0.001 }
let outbox: Outbox | undefined
const { stop } = await startAgent(parsed, pino({ level: 'silent' }), {
  engine: () => simulatedEngine({ now: Date.now }),
  outbox: (own) => {
    outbox = own
    return own
  },
})

const append = async (count: number): Promise<void> => {
  const body = { schema: 1, session: 0, kind: 'test', text: 'x'.repeat(60) }
  for (let done = 0; done < count; done += 200)
    await Promise.all(
      Array.from({ length: 200 }, () => outbox?.append('event', { topic: 'longshore/v1/flooded/event', body })),
    )
}
const flap = async (count: number): Promise<void> => {
  const until = connections + count
  while (connections < until) await delay(5)
}
const settled = async (): Promise<NodeJS.MemoryUsage> => {
  await delay(500)
  for (let count = 0; count < 3; count += 1) globalThis.gc?.()
  return process.memoryUsage()
}

// What is loaded and compiled with the first of them is no growth.
await Promise.all([append(events / 10), flap(flaps / 10)])
const before = await settled()
await Promise.all([append(events), flap(flaps)])
const after = await settled()
const result: FloodedAgentResult = {
  connections,
  heapBytes: after.heapUsed - before.heapUsed,
  residentBytes: after.rss - before.rss,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
await stop()
process.exit(0)
