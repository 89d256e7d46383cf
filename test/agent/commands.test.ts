import { describe, expect, test } from 'vitest'
import { createCommands } from '../../agent/commands/commands.ts'
import { interruptedN } from '../../agent/commands/reply-stream.ts'
import type { Verb } from '../../agent/commands/verb.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Reply } from '../../src/protocol/command.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { silent } from '../support/agents.ts'
import { eventually } from '../support/eventually.ts'

const now = 1_000_000

const set = (verbs: Record<string, Verb> = {}) => {
  const replies: Reply[] = []
  let fails = 0
  let isFull = false
  let isDown = false
  let line = Promise.resolve()
  const memory = memoryStore()
  const store: typeof memory = {
    ...memory,
    updateDevice: async (change) => {
      if (isFull) throw new LongshoreError('disk-full', 'no space left on the disk')
      return memory.updateDevice(change)
    },
  }
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
    publishNow: async (_id, reply) => {
      if (isDown) throw new LongshoreError('link-down', 'down')
      await line
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
    fillDisk: () => {
      isFull = true
    },
    cutLink: () => {
      isDown = true
    },
    /** Progress is not acknowledged until the promise resolves. */
    slowDown: (until: Promise<void>) => {
      line = until
    },
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

test('a command that would have to be remembered for longer than a day is refused: 128 of them would shut out all others', async () => {
  const { ask, store } = set({ greet: async () => ({ outcome: 'done' }) })
  const dayMs = 86_400_000
  expect(await ask('c1', command('greet', { expiresAt: now + dayMs + 1 }))).toMatchObject({
    outcome: 'refused',
    reason: { code: 'message-invalid', path: 'expiresAt' },
  })
  expect(store.device().answered).toEqual([])
  expect(await ask('c2', command('greet', { expiresAt: now + dayMs }))).toMatchObject({ outcome: 'done' })
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
  expect(begun).toBe(1)
  expect(store.device().begun).toEqual([])
})

test('a reply that a kill cut off between the disk and the outbox is sent by the next agent, the same', async () => {
  const { commands, store, replies, failNext } = set({ greet: async () => ({ outcome: 'done' }) })
  failNext() // as good as killed before the outbox had it
  await commands.receive('c1', command('greet'))
  await eventually('the answer to be stored', () => store.device().answered.length === 1)
  await commands.answerInterrupted()
  expect(replies).toMatchObject([{ id: 'c1', outcome: 'done' }])
  expect(store.device().begun).toEqual([])
})

test('a command that comes again while the interrupted ones are answered is not carried out once more', async () => {
  let count = 0
  const { commands, store, replies } = set({
    count: async () => {
      count += 1
      return { outcome: 'done' }
    },
  })
  await store.updateDevice((record) => ({ ...record, begun: ['c1', 'c2'].map((id) => ({ id, at: now })) }))
  const answered = commands.answerInterrupted()
  await commands.receive('c2', command('count'))
  await answered
  await eventually('both replies', () => replies.length === 2)
  expect(replies.map(({ outcome }) => outcome)).toEqual(['failed', 'failed'])
  expect(count).toBe(0)
})

test('an interrupted command that cannot be answered holds up no other', async () => {
  const { commands, store, replies, failNext } = set()
  await store.updateDevice((record) => ({ ...record, begun: ['c1', 'c2'].map((id) => ({ id, at: now })) }))
  failNext()
  await commands.answerInterrupted()
  expect(replies).toMatchObject([{ id: 'c2' }])
  expect(store.device().begun).toMatchObject([{ id: 'c1' }])
})

test('a disk that fills up while a command is carried out does not take its answer', async () => {
  const { commands, store, replies, fillDisk } = set({
    greet: async () => {
      fillDisk()
      return { outcome: 'done' }
    },
  })
  await commands.receive('c1', command('greet'))
  await eventually('the reply', () => replies.length === 1)
  expect(replies).toMatchObject([{ id: 'c1', outcome: 'done' }])
  expect(store.device().begun).toMatchObject([{ id: 'c1' }])
})

test('an answer that no broker would take says so', async () => {
  const { ask } = set({ release: async () => ({ outcome: 'done', result: 'x'.repeat(10_000) }) })
  expect(await ask('c1', command('release'))).toMatchObject({
    outcome: 'failed',
    reason: { code: 'payload-too-large' },
  })
})

describe('progress', () => {
  const told = (replies: readonly Reply[]) => replies.map(({ n, final, result }) => [n, final, result])

  test('comes numbered before the answer, of which the number is the next', async () => {
    const { commands, replies } = set({
      walk: async (_args, { id, progress }) => {
        for (const step of [1, 2, 3]) expect(await progress({ id, step })).toBe(true)
        return { outcome: 'done', result: 'there' }
      },
    })
    await commands.receive('c1', command('walk'))
    await eventually('the answer', () => replies.some(({ final }) => final))
    expect(told(replies)).toEqual([
      [1, false, { id: 'c1', step: 1 }],
      [2, false, { id: 'c1', step: 2 }],
      [3, false, { id: 'c1', step: 3 }],
      [4, true, 'there'],
    ])
  })

  test('that nobody waits for is merged on a slow link, and the newest is sent before the answer', async () => {
    let open = (): void => undefined
    const { commands, replies, slowDown } = set({
      walk: async (_args, { progress }) => {
        for (let step = 1; step <= 1_000; step += 1) void progress(step)
        return { outcome: 'done' }
      },
    })
    slowDown(
      new Promise((resolve) => {
        open = resolve
      }),
    )
    await commands.receive('c1', command('walk'))
    open()
    await eventually('the answer', () => replies.some(({ final }) => final))
    expect(told(replies)).toEqual([
      [1, false, 1],
      [2, false, 1_000],
      [3, true, undefined],
    ])
  })

  test('without a connection is dropped, which the verb is told, and the number rises all the same', async () => {
    const { commands, replies, cutLink } = set({
      walk: async (_args, { progress }) => ({ outcome: 'done', result: await progress('lost') }),
    })
    cutLink()
    await commands.receive('c1', command('walk'))
    await eventually('the answer', () => replies.length === 1)
    expect(told(replies)).toEqual([[2, true, false]])
  })

  test('of a command that a kill cut off has a lower number than its answer', async () => {
    const { commands, replies } = set({
      walk: async (_args, { progress }) => {
        for (let step = 1; step <= 1_000; step += 1) await progress(step)
        return await new Promise(() => undefined)
      },
    })
    await commands.receive('c1', command('walk'))
    await eventually('all progress', () => replies.length === 1_000)
    await commands.answerInterrupted()
    expect(replies.at(-1)).toMatchObject({ n: interruptedN, final: true, reason: { code: 'command-interrupted' } })
    expect(interruptedN).toBeGreaterThan(1_000)
  })
})

test('an agent that ends tells its verbs, and waits a moment only', async () => {
  const { commands, replies } = set({
    deaf: async () => await new Promise(() => undefined),
    polite: async (_args, { signal }) =>
      await new Promise((resolve) => signal.addEventListener('abort', () => resolve({ outcome: 'done' }))),
  })
  await commands.receive('c1', command('deaf'))
  await commands.receive('c2', command('polite'))
  await commands.stop()
  expect(replies).toMatchObject([{ id: 'c2', outcome: 'done' }])
})

describe('too many', () => {
  const flood = async (commands: { receive: (id: string, payload: Buffer) => Promise<void> }, payload: Buffer) => {
    for (let number = 0; number < 1_000; number += 1) await commands.receive(`c${number}`, payload)
  }

  test('1,000 at once: as many as fit are carried out, each other one is busy, and stays so when it comes again', async () => {
    let count = 0
    let finish = (): void => undefined
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const { commands, store, replies } = set({
      slow: async () => {
        count += 1
        await held
        return { outcome: 'done' }
      },
    })
    await flood(commands, command('slow'))
    await eventually('the busy ones', () => replies.length === 936)
    expect(new Set(replies.map(({ outcome }) => outcome))).toEqual(new Set(['busy']))
    expect(replies[0]).toMatchObject({ final: true, reason: { code: 'command-busy' } })
    expect(store.device().begun).toHaveLength(64)
    finish()
    await eventually('all answers', () => replies.length === 1_000)
    expect(store.device()).toMatchObject({ begun: [], answered: { length: 64 } })
    await flood(commands, command('slow'))
    await eventually('all answers again', () => replies.length === 2_000)
    expect(count).toBe(64)
    expect(replies.slice(1_000).filter(({ outcome }) => outcome === 'busy')).toHaveLength(936)
  })

  test('quick ones are taken until so many have not expired: an id that may come again is never forgotten', async () => {
    let count = 0
    const { commands, store, replies } = set({
      quick: async () => {
        count += 1
        return { outcome: 'done' }
      },
    })
    for (let number = 0; number < 200; number += 1) {
      await commands.receive(`c${number}`, command('quick'))
      await eventually('its answer', () => replies.length === number + 1, { everyMs: 1 })
    }
    expect(count).toBe(128)
    expect(store.device().answered.map(({ id }) => id)).toContain('c0')
    expect(replies.at(-1)).toMatchObject({ outcome: 'busy', reason: { code: 'command-busy' } })
  })

  test('bad ones leave nothing on the disk', async () => {
    const { commands, store, replies } = set()
    await flood(commands, Buffer.alloc(1_000_000, 'x'))
    await eventually('all answers', () => replies.length === 1_000)
    expect(store.device()).toMatchObject({ answered: [] })
    expect(store.device().begun).toBeUndefined()
  })
})

test('one that was begun and of which nobody knows is answered interrupted when it comes again, and not done', async () => {
  let count = 0
  const { ask, store } = set({
    count: async () => {
      count += 1
      return { outcome: 'done' }
    },
  })
  await store.updateDevice((record) => ({ ...record, begun: [{ id: 'c1', at: now }] }))
  expect(await ask('c1', command('count'))).toMatchObject({ reason: { code: 'command-interrupted' } })
  expect(count).toBe(0)
})

test('what ends the agent itself is done once the answer is safe, and never again', async () => {
  const steps: string[] = []
  const { ask, replies } = set({
    reboot: async () => ({
      outcome: 'done',
      afterwards: async () => void steps.push(`after ${replies.length} replies`),
    }),
  })
  await ask('c1', command('reboot'))
  await eventually('the end', () => steps.length === 1)
  expect(await ask('c1', command('reboot'))).toMatchObject({ outcome: 'done' })
  expect(steps).toEqual(['after 1 replies'])
})
