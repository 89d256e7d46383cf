/** What a verb is: it gets arguments and how to tell of what it is doing, and ends with an answer. */
import type { Command, Reply } from '../../src/protocol/command.ts'
import type { Reason, WireReason } from '../../src/protocol/reason.ts'

export type Verb = (args: Command['args'], context: VerbContext) => Promise<Answer>

/** A rejection of a verb is the answer `failed` with the error's reason. */
export type Answer =
  | { readonly outcome: 'done'; readonly result?: Reply['result'] }
  | { readonly outcome: 'refused' | 'failed' | 'busy'; readonly reason: WireReason; readonly result?: Reply['result'] }

export type VerbContext = {
  /** of the command */
  readonly id: string
  /**
   * Tells how far it is. Resolves with whether the broker has it; without a connection nothing is kept for later. Of those
   * that nobody waited for only the newest is sent, so a slow link collects none; who waits for each loses none.
   */
  readonly progress: (result: NonNullable<Reply['result']>) => Promise<boolean>
  /** the agent ends: whatever can be left is left */
  readonly signal: AbortSignal
  /** epoch ms: nobody may count on an answer after that */
  readonly expiresAt: number
}

export const refused = (reason: Reason): Answer => ({ outcome: 'refused', reason })
