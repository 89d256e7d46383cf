/**
 * An outbox on a real disk that appends events as fast as it can, to a broker that acknowledges some, until it is killed.
 * Tells on stdout what was safe and what was acknowledged, each before anything follows from it. A program, started by the tests.
 *
 *   node dist/test/killed-outbox.mjs FOLDER
 */
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { diskOutboxFiles } from '../../src/outbox/disk-files.ts'
import { defaultLimits } from '../../src/outbox/limits.ts'
import { openOutbox } from '../../src/outbox/outbox.ts'

// What is said is in the pipe before the next thing is done, however the process ends.
const tell = (...values: (string | number)[]): void => void writeSync(1, `${values.join(' ')}\n`)

const outbox = await openOutbox({
  files: diskOutboxFiles(process.argv[2] as string),
  limits: { ...defaultLimits, segmentBytes: 16 * 1024, flushIntervalMs: 5 },
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  boot: String(process.pid),
  describeDrop: (dropped) => ({ topic: 'event', body: { dropped } }),
  log: pino({ level: 'silent' }),
})
outbox.start(async ({ payload }) => {
  const { class: messageClass, epoch, seq } = JSON.parse(payload.toString())
  await new Promise((resolve) => setTimeout(resolve, seq % 3))
  tell('taken', messageClass, epoch, seq)
})
setInterval(() => outbox.setConnected(Math.random() < 0.5), 7)
const append = async (n: number): Promise<void> => {
  const messageClass = n % 10 === 0 ? 'reply' : n % 3 === 0 ? 'telemetry' : 'event'
  const { epoch, seq } = await outbox.append(messageClass, {
    topic: 'a/topic',
    body: { n, padding: 'x'.repeat(n % 200) },
  })
  tell(messageClass === 'telemetry' ? 'queued' : 'safe', messageClass, epoch, seq, n)
}
for (let n = 0; ; n += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => append(n + more)))
