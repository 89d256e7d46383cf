/** The outbox of an agent on the disk of its device. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { builtAt } from '../../src/built-at.ts'
import { diskOutboxFiles } from '../../src/outbox/disk-files.ts'
import { defaultLimits } from '../../src/outbox/limits.ts'
import { type Outbox, openOutbox } from '../../src/outbox/outbox.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { bootId } from '../devices/boot-id.ts'
import type { Store } from '../store/store.ts'

export type AgentOutboxInput = {
  /** the state folder of the agent */
  readonly state: string
  readonly root: string
  readonly device: string
  readonly store: Pick<Store, 'device'>
  /** bytes, of all that is kept */
  readonly capBytes: number
  /** the longest payload */
  readonly maxBytes: number
  /** epoch ms */
  readonly nowMs: () => number
  readonly log: Logger
}

/** Never rejects: an agent without a disk that takes events still has to run its apps. */
export const openAgentOutbox = async (input: AgentOutboxInput): Promise<Outbox> => {
  const { state, root, device, store, capBytes, maxBytes, nowMs, log } = input
  const topic = topicsUnder(root).event(device)
  return openOutbox({
    files: diskOutboxFiles(join(state, 'outbox')),
    limits: { ...defaultLimits, capBytes, maxMessageBytes: maxBytes },
    nowMs,
    earliestMs: builtAt,
    // Runs on from one process to the next, within one boot of the machine.
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    boot: await bootId(),
    describeDrop: (dropped) => ({
      topic,
      body: { schema: 1, session: store.device().session, kind: 'messages-dropped', dropped },
    }),
    log,
  })
}
