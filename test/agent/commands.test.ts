import { expect, test } from 'vitest'
import { createCommands, type Verb } from '../../agent/commands/commands.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Reply } from '../../src/protocol/command.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { silent } from '../support/agents.ts'
import { eventually } from '../support/eventually.ts'

const now = 1_000_000

const set = (verbs: Record<string, Verb> = {}) => {
  const replies: Reply[] = []
  let fails = 0
  const store = memoryStore()
  const commands = createCommands({
    verbs,
    verbFault: () => undefined,
    store,
    publish: async (_id, reply) => {
      if (fails > 0) {
        fails -= 1
        throw new LongshoreError('link-down', 'down')
      }
      replies.push(reply)
    },
    maxBytes: 10_000,
    nowMs: () => now,
    believedMs: () => now,
    log: silent,
  })
  const ask = async (id: string, payload: Buffer): Promise<Reply> => {
    const before = replies.length
    await commands.receive(id, payload)
    return eventually('a reply', () => replies[before])
  }
  return {
    ask,
    replies,
    commands,
    store,
    failNext: () => {
      fails += 1
    },
  }
}

const command = (verb: string, changes: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ schema: 1, at: now, verb, args: {}, expiresAt: now + 1, ...changes }))

test.each([
  ['no JSON', Buffer.from('garbage'), 'refused', 'payload-not-json'],
  ['nothing', Buffer.alloc(0), 'refused', 'payload-not-json'],
  ['too long', Buffer.alloc(20_000, ' '), 'refused', 'payload-too-large'],
  ['another schema', command('greet', { schema: 9 }), 'refused', 'schema-unsupported'],
  ['no args', command('greet', { args: undefined }), 'refused', 'message-invalid'],
  ['one that came too late', command('greet', { expiresAt: now - 1 }), 'expired', 'command-expired'],
  ['an unknown verb', command('dance'), 'unsupported', 'verb-unsupported'],
  ['a verb that every object has', command('constructor'), 'unsupported', 'verb-unsupported'],
])('a command that is %s gets a final reply with a code', async (_what, payload, outcome, code) => {
  const { ask } = set({ greet: async () => ({ outcome: 'done' }) })
  expect(await ask('c1', payload)).toMatchObject({ id: 'c1', n: 1, final: true, outcome, reason: { code } })
})

test('a verb that fails is answered with its reason', async () => {
  const { ask } = set({
    fail: async () => {
      throw new LongshoreError('engine-unreachable', 'gone')
    },
  })
  expect(await ask('c1', command('fail'))).toMatchObject({ outcome: 'failed', reason: { code: 'engine-unreachable' } })
})

test('the same id again is answered the same and done once, also when the first reply was lost', async () => {
  let count = 0
  const { ask, commands, store, failNext } = set({
    count: async () => {
      count += 1
      return { outcome: 'done', result: count }
    },
  })
  failNext()
  await commands.receive('c1', command('count'))
  await eventually('the answer to be stored', () => store.device().answered.length === 1)
  expect(await ask('c1', command('count'))).toMatchObject({ outcome: 'done', result: 1 })
  expect(await ask('c1', command('count'))).toMatchObject({ outcome: 'done', result: 1 })
  expect(count).toBe(1)
})

test('is on disk as taken before it is acknowledged, and one that a kill cut off is answered and not done again', async () => {
  let begun = 0
  const { commands, store, replies } = set({
    slow: async () => {
      begun += 1
      return await new Promise(() => undefined)
    },
  })
  await commands.receive('c1', command('slow'))
  expect(store.device().begun?.map(({ id }) => id)).toEqual(['c1'])
  await commands.answerInterrupted()
  expect(replies).toMatchObject([{ id: 'c1', final: true, outcome: 'failed', reason: { code: 'command-interrupted' } }])
  expect(store.device().begun).toEqual([])
  expect(begun).toBe(1)
})
