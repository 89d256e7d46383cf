/** Commands: each gets a final reply, the same id gets the same one again, and a bad one never harms. */
import type { Logger } from 'pino'
import { type Command, commandSchema, type Reply } from '../../src/protocol/command.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'
import { type Reason, reasonOf } from '../../src/protocol/reason.ts'
import { withAnswer, withoutBegun } from '../store/device-record.ts'
import type { Store } from '../store/store.ts'
import { createReplyStream, interruptedN } from './reply-stream.ts'
import type { Answer, Verb, VerbContext } from './verb.ts'

export type CommandsInput = {
  readonly verbs: Readonly<Record<string, Verb>>
  /** why the device does not answer a verb that it knows */
  readonly verbFault: (verb: string) => Reason | undefined
  readonly store: Pick<Store, 'device' | 'updateDevice'>
  /** Resolves when the reply is safe: it reaches the broker sooner or later; on a full disk, when the broker has it. */
  readonly publish: (id: string, reply: Reply) => Promise<void>
  /** Resolves when the broker has it. Rejects without a connection: progress is of now, or of no use. */
  readonly publishNow: (id: string, reply: Reply) => Promise<void>
  readonly maxBytes: number
  /** epoch ms of the own clock, which replies carry, so that whoever asked sees when it is wrong */
  readonly nowMs: () => number
  /** epoch ms that expiry goes by */
  readonly believedMs: () => number
  readonly log: Logger
}

export type Commands = {
  /**
   * Resolves when it is on disk that the command was taken, so that it can be acknowledged; it is answered in its own time.
   * Where that cannot be written it is not carried out, and the answer says so.
   */
  readonly receive: (id: string, payload: Uint8Array) => Promise<void>
  /** Answers what an agent before this one took and did not finish: whoever asked must not wait for ever. Before the link. */
  readonly answerInterrupted: () => Promise<void>
  /** Tells every verb under way to end, and gives it a moment; the next agent answers what has no answer then. */
  readonly stop: () => Promise<void>
}

const stopMs = 500

export const createCommands = (input: CommandsInput): Commands => {
  const { verbs, verbFault, store, publish, publishNow, maxBytes, nowMs, believedMs, log } = input
  const underWay = new Set<string>()
  const carriedOut = new Set<Promise<void>>()
  const ending = new AbortController()

  const isBegun = (id: string): boolean => store.device().begun?.some((begun) => begun.id === id) === true

  /** What was decided is sent again until it is safe, also by the agent after this one. */
  const send = async (id: string, reply: Reply): Promise<void> => {
    await publish(id, reply)
    // Who asks once more from here on has not seen it.
    underWay.delete(id)
    if (isBegun(id)) await store.updateDevice((record) => withoutBegun(record, id))
  }

  const finish = async (id: string, { n = 1, ...final }: Final): Promise<void> => {
    const reply = within(maxBytes, { schema: 1, at: nowMs(), id, n, final: true, ...final })
    // On disk before it is sent: a command is not carried out twice because its reply was lost.
    await store
      .updateDevice((record) => withAnswer(record, { id, reply, at: reply.at }))
      .catch((error: unknown) => log.warn({ id, ...reasonOf(error) }, 'an answer could not be stored; sending it'))
    await send(id, reply)
  }

  const answer = async (id: string, judged: () => Promise<Final>): Promise<void> => {
    const known = store.device().answered.find((answered) => answered.id === id)
    if (known === undefined) await finish(id, await judged())
    else await send(id, known.reply)
  }

  const answerLater = (id: string, judged: () => Promise<Final>): Promise<void> =>
    answer(id, judged)
      .catch((error: unknown) => log.warn({ err: error, id }, 'a command could not be answered'))
      .finally(() => underWay.delete(id))

  const judge = async (id: string, payload: Uint8Array): Promise<Final> => {
    const read = readPayload(commandSchema, payload, maxBytes)
    if (!read.ok) return { outcome: 'refused', reason: read.reason }
    const { verb, args, expiresAt } = read.value
    const lateMs = believedMs() - expiresAt
    if (lateMs > 0)
      return {
        outcome: 'expired',
        reason: {
          code: 'command-expired',
          message: `the command expired ${lateMs} ms before it was read`,
        },
      }
    const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (run === undefined)
      return {
        outcome: 'unsupported',
        reason: {
          code: 'verb-unsupported',
          message: `verb ${verb} is not one of ${Object.keys(verbs).join(', ')}`,
          path: 'verb',
        },
      }
    const forbidden = verbFault(verb)
    if (forbidden !== undefined) return { outcome: 'refused', reason: forbidden }
    const stream = createReplyStream(id, { send: (reply) => publishNow(id, reply), nowMs })
    const context = { id, progress: stream.progress, signal: ending.signal, expiresAt }
    const answer = await carryOut(run, args, context)
    return { ...answer, n: await stream.end() }
  }

  return {
    receive: async (id, payload) => {
      if (underWay.has(id)) return
      underWay.add(id)
      try {
        const isAnswered = store.device().answered.some((answered) => answered.id === id)
        if (!isAnswered && !isBegun(id))
          await store.updateDevice((record) => ({ ...record, begun: [...(record.begun ?? []), { id, at: nowMs() }] }))
      } catch (error) {
        await publish(id, { schema: 1, at: nowMs(), id, n: 1, final: true, outcome: 'failed', reason: reasonOf(error) })
          .catch((cause: unknown) => log.warn({ err: cause, id }, 'a command could not be answered'))
          .finally(() => underWay.delete(id))
        return
      }
      const work = answerLater(id, () => judge(id, payload)).finally(() => carriedOut.delete(work))
      carriedOut.add(work)
    },
    answerInterrupted: async () => {
      const left = store.device().begun ?? []
      // From the first on: the broker may bring them once more.
      for (const { id } of left) underWay.add(id)
      for (const { id } of left) await answerLater(id, async () => interrupted)
    },
    stop: async () => {
      ending.abort()
      await Promise.race([Promise.all(carriedOut), new Promise((resolve) => setTimeout(resolve, stopMs).unref())])
    },
  }
}

const carryOut = async (verb: Verb, args: Command['args'], context: VerbContext): Promise<Answer> => {
  try {
    return await verb(args, context)
  } catch (error) {
    return { outcome: 'failed', reason: reasonOf(error) }
  }
}

const interrupted: Final = {
  n: interruptedN,
  outcome: 'failed',
  reason: { code: 'command-interrupted', message: 'the agent ended while it carried this command out' },
}

/** For the topic, and what the outbox puts before a message. */
const reservedBytes = 512

/** What is too large for the broker would never come: then the answer says that. */
const within = (maxBytes: number, reply: Reply): Reply => {
  const { byteLength } = writePayload(reply)
  if (byteLength <= maxBytes - reservedBytes) return reply
  const { result: _, ...rest } = reply
  const message = `the answer has ${byteLength} bytes, ${maxBytes - reservedBytes} are allowed`
  return { ...rest, outcome: 'failed', reason: { code: 'payload-too-large', message } }
}

type Final = Pick<Reply, 'outcome' | 'reason' | 'result'> & { readonly n?: number }
