/** A message on its way through memory. */
import type { Dropped, MessageClass } from '../protocol/queued.ts'
import type { Position } from './segment.ts'
import type { Stamp } from './stamp.ts'

export type Entry = {
  readonly messageClass: MessageClass
  readonly epoch: number
  readonly seq: number
  readonly topic: string
  readonly text: string
  readonly bytes: number
  readonly stamp: Stamp
  /** Where it ends on disk; absent: it is in memory only. */
  end?: Position
  state: 'ready' | 'in-flight' | 'settled'
  /** How often it was sent: an answer to an earlier time is not one to this. */
  attempt: number
  /** How often the broker or the link said no to it. */
  refusals: number
  /** How often the connection broke while it was the first that had no answer. */
  losses: number
  /** What it tells, if it is the report of a drop: told again when it cannot be kept. */
  readonly drop?: Dropped
}
