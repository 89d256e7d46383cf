/** What a verb is: it gets arguments and how to tell of what it is doing, and ends with an answer. */
import type { z } from 'zod'
import type { Command, Reply } from '../../src/protocol/command.ts'
import { describeIssue } from '../../src/protocol/payload.ts'
import type { Reason, WireReason } from '../../src/protocol/reason.ts'

/** A rejection is the answer `failed` with the error's reason. */
export type Verb = (args: Command['args'], context: VerbContext) => Promise<Answer>

export type Answer = {
  readonly result?: Reply['result']
  /** Called once the answer is safe, for what ends the agent itself; never for an answer that is repeated. */
  readonly afterwards?: () => Promise<void>
} & ({ readonly outcome: 'done' } | { readonly outcome: 'refused' | 'failed' | 'busy'; readonly reason: WireReason })

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

/** A verb whose arguments are read first; others than these are refused with the path of the field. */
export const verbOf =
  <Schema extends z.ZodType>(
    schema: Schema,
    act: (args: z.infer<Schema>, context: VerbContext) => Promise<Answer>,
  ): Verb =>
  async (args, context) => {
    const parsed = schema.safeParse(args)
    return parsed.success
      ? await act(parsed.data, context)
      : refused({ code: 'message-invalid', ...describeIssue(parsed.error) })
  }
