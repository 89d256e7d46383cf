/** A queue for each class over what was found in the folder. */
import type { Logger } from 'pino'
import { type MessageClass, messageClasses } from '../protocol/queued.ts'
import { type ClassQueue, createClassQueue } from './class-queue.ts'
import type { Damage } from './damage.ts'
import type { OutboxFiles } from './files.ts'
import type { Found } from './open-folder.ts'
import { createSegmentStore } from './segment-store.ts'
import { setAside } from './set-aside.ts'

export type OpenQueuesInput = {
  readonly files: OutboxFiles
  readonly epoch: number
  readonly boot: string
  readonly segmentBytes: number
  readonly found: Pick<Found, 'segments' | 'cursor'>
  readonly log: Logger
  readonly onDamage: (messageClass: MessageClass, damage: Damage) => void
}

/** The most important class first. */
export const openQueues = ({ found, onDamage, ...input }: OpenQueuesInput): readonly ClassQueue[] =>
  messageClasses.map((messageClass) => {
    const store = createSegmentStore({
      ...input,
      messageClass,
      found: found.segments[messageClass],
      settled: found.cursor.settled[messageClass],
      onDamage: (damage) => onDamage(messageClass, damage),
      setAside: (name) => setAside(input.files, name),
    })
    return createClassQueue(messageClass, store)
  })

export const byClass = (queues: readonly ClassQueue[]): Record<MessageClass, ClassQueue> =>
  Object.fromEntries(queues.map((queue) => [queue.messageClass, queue])) as Record<MessageClass, ClassQueue>
