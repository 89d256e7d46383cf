/** How an answer leaves the device: through the outbox; where that cannot keep it, at once. */
import type { Logger } from 'pino'
import type { Link } from '../../src/link/link.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import type { Reply } from '../../src/protocol/command.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { reasonOf } from '../../src/protocol/reason.ts'

export type SendReplyInput = {
  readonly outbox: Pick<Outbox, 'append'>
  readonly link: () => Pick<Link, 'publish'>
  readonly topic: (id: string) => string
  readonly log: Logger
}

/** Resolves when the reply is safe: on disk; on a full disk, when the broker has it. */
export const createSendReply =
  ({ outbox, link, topic, log }: SendReplyInput) =>
  async (id: string, reply: Reply): Promise<void> => {
    const { at: _at, ...body } = reply
    try {
      await outbox.append('reply', { topic: topic(id), body })
    } catch (error) {
      const reason = reasonOf(error)
      if (reason.code === 'payload-too-large' && reply.result !== undefined) {
        // Whoever asked is told at least that.
        const { result: _result, ...short } = body
        await outbox.append('reply', { topic: topic(id), body: { ...short, outcome: 'failed', reason } })
        return
      }
      log.warn({ id, ...reason }, 'a reply could not be kept; sending it at once')
      await link().publish(topic(id), writePayload(reply), { qos: 1, retain: false })
    }
  }
