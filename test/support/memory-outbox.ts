/** An outbox that forgets everything with its process. */
import { pino } from 'pino'
import { defaultLimits } from '../../src/outbox/limits.ts'
import { type Outbox, openOutbox } from '../../src/outbox/outbox.ts'
import { memoryOutboxFiles } from './memory-outbox-files.ts'

export const memoryOutbox = (): Promise<Outbox> =>
  openOutbox({
    files: memoryOutboxFiles(),
    limits: defaultLimits,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    boot: 'memory',
    describeDrop: (dropped) => ({ topic: 'dropped', body: { dropped } }),
    log: pino({ level: 'silent' }),
  })
