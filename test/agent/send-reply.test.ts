import { expect, test } from 'vitest'
import { createSendReply } from '../../agent/commands/send-reply.ts'
import type { Message } from '../../src/outbox/outbox.ts'
import type { Reply } from '../../src/protocol/command.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { silent } from '../support/agents.ts'

const reply: Reply = { schema: 1, at: 5, id: 'c1', n: 1, final: true, outcome: 'done', result: 'x'.repeat(500) }

const open = (fault: (text: string) => LongshoreError | undefined) => {
  const kept: Message[] = []
  const sent: Reply[] = []
  const send = createSendReply({
    outbox: {
      append: async (_class, message) => {
        const error = fault(JSON.stringify(message.body))
        if (error !== undefined) throw error
        kept.push(message)
        return { epoch: 1, seq: 1 }
      },
    },
    link: () => ({ publish: async (_topic, payload) => void sent.push(JSON.parse(payload.toString())) }),
    topic: (id) => `reply/${id}`,
    log: silent,
  })
  return { send, kept, sent }
}

test('a reply goes through the outbox', async () => {
  const { send, kept, sent } = open(() => undefined)
  await send('c1', reply)
  expect(kept).toMatchObject([{ topic: 'reply/c1', body: { id: 'c1', outcome: 'done' } }])
  expect(sent).toEqual([])
})

test('one that is too long becomes a failure that says so', async () => {
  const tooLarge = new LongshoreError('payload-too-large', 'a message has 600 bytes, 400 are allowed')
  const { send, kept, sent } = open((text) => (text.length > 400 ? tooLarge : undefined))
  await send('c1', reply)
  expect(kept).toMatchObject([{ body: { outcome: 'failed', reason: { code: 'payload-too-large' } } }])
  expect(kept[0]?.body).not.toHaveProperty('result')
  expect(sent).toEqual([])
})

test('one that the disk does not take is sent at once, as it is', async () => {
  const { send, sent } = open(() => new LongshoreError('disk-full', 'no space'))
  await send('c1', reply)
  expect(sent).toEqual([reply])
})
