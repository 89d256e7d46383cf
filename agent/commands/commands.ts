/**
 * Commands: each gets a final reply, the same id gets the same one again, and a bad one never harms.
 *
 *   received → refused, expired, busy: told, nothing on disk, for nothing was done
 *            → begun on disk → acknowledged → carried out → answer on disk → sent → no longer begun
 *
 * One that is begun and has no answer when the next agent starts is answered `interrupted` and not done again.
 */
import type { Logger } from 'pino'
import { type Command, commandSchema, type Reply } from '../../src/protocol/command.ts'
import { readPayload, writePayload } from '../../src/protocol/payload.ts'
import { type Reason, reasonOf } from '../../src/protocol/reason.ts'
import { answeredLimit, type DeviceRecord, liveAnswers, withAnswer, withoutBegun } from '../store/device-record.ts'
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

/** Those that follow a log live as long as somebody reads it. */
const mostUnderWay = 64

/** Answers without anything on disk that are remembered, should the broker bring their commands once more. */
const mostTold = 1_000

/** Of these so many may wait for the disk before no more messages are read. */
const mostTelling = 100
const tellingMs = 1_000

const stopMs = 1_000

/** Until a command expires its id is known: a few that never do would leave no room for others. */
const longestLifeMs = 86_400_000

type Final = Pick<Reply, 'outcome' | 'reason' | 'result'> & { readonly n?: number }

export const createCommands = (input: CommandsInput): Commands => {
  const { verbs, verbFault, store, publish, publishNow, maxBytes, nowMs, believedMs, log } = input
  const underWay = new Set<string>()
  const carriedOut = new Map<string, Promise<void>>()
  const told = new Map<string, Reply>()
  let tellingCount = 0
  const ending = new AbortController()

  const begun = (id: string) => store.device().begun?.find((one) => one.id === id)

  const toReply = (id: string, { n = 1, ...final }: Final): Reply =>
    within(maxBytes, { schema: 1, at: nowMs(), id, n, final: true, ...final })

  const remember = (reply: Reply): void => {
    told.set(reply.id, reply)
    const [oldest] = told.keys()
    if (told.size > mostTold && oldest !== undefined) told.delete(oldest)
  }

  /** What was decided is sent again until it is safe, also by the agent after this one. */
  const send = async (id: string, reply: Reply): Promise<void> => {
    await publish(id, reply)
    // Who asks once more from here on has not seen it.
    underWay.delete(id)
    if (begun(id) !== undefined) await store.updateDevice((record) => withoutBegun(record, id))
  }

  const finish = async (id: string, final: Final): Promise<void> => {
    const reply = toReply(id, final)
    const { expiresAt } = begun(id) ?? {}
    const answer = { id, reply, at: reply.at, ...(expiresAt === undefined ? {} : { expiresAt }) }
    // On disk before it is sent: a command is not carried out twice because its reply was lost.
    await store
      .updateDevice((record) => withAnswer(record, answer, believedMs()))
      .catch((error: unknown) => {
        remember(reply)
        log.warn({ id, ...reasonOf(error) }, 'an answer could not be stored; sending it')
      })
    await send(id, reply)
  }

  const answerLater = (id: string, work: () => Promise<void>): Promise<void> => {
    underWay.add(id)
    return work()
      .catch((error: unknown) => log.warn({ err: error, id }, 'a command could not be answered'))
      .finally(() => underWay.delete(id))
  }

  /**
   * Answers where nothing is done. The broker's next message waits only while too many of these wait for the disk, and not
   * for long: where the disk takes nothing they wait for the broker, from which nothing is read meanwhile.
   */
  const tell = async (id: string, final: Final): Promise<void> => {
    const reply = toReply(id, final)
    remember(reply)
    tellingCount += 1
    const telling = answerLater(id, () => publish(id, reply)).finally(() => {
      tellingCount -= 1
    })
    if (tellingCount >= mostTelling) await Promise.race([telling, pause(tellingMs)])
  }

  const knownAnswer = (id: string): Reply | undefined =>
    store.device().answered.find((answered) => answered.id === id)?.reply ?? told.get(id)

  /** Why it is not carried out at all, or the verb that does it. */
  const judge = (
    payload: Uint8Array,
  ): { readonly final: Final } | { readonly command: Command; readonly verb: Verb } => {
    const read = readPayload(commandSchema, payload, maxBytes)
    if (!read.ok) return { final: { outcome: 'refused', reason: read.reason } }
    const { verb: name, at, expiresAt } = read.value
    const lateMs = believedMs() - expiresAt
    if (lateMs > 0) {
      const message = `the command expired ${lateMs} ms before it was read`
      return { final: { outcome: 'expired', reason: { code: 'command-expired', message } } }
    }
    // By the clock of the sender alone: that of the device may not be set.
    if (expiresAt - at > longestLifeMs) {
      const message = `expiresAt: must be ${longestLifeMs / 3_600_000} h after at or less`
      return { final: { outcome: 'refused', reason: { code: 'message-invalid', message, path: 'expiresAt' } } }
    }
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
    if (verb === undefined) {
      const message = `verb ${name} is not one of ${Object.keys(verbs).join(', ')}`
      return { final: { outcome: 'unsupported', reason: { code: 'verb-unsupported', message, path: 'verb' } } }
    }
    const forbidden = verbFault(name)
    if (forbidden !== undefined) return { final: { outcome: 'refused', reason: forbidden } }
    const crowd = crowdFault(carriedOut.size, store.device(), believedMs())
    return crowd === undefined ? { command: read.value, verb } : { final: { outcome: 'busy', reason: crowd } }
  }

  const carryOut = async (id: string, { args, expiresAt }: Command, verb: Verb): Promise<void> => {
    const stream = createReplyStream(id, { send: (reply) => publishNow(id, reply), nowMs })
    const context = { id, progress: stream.progress, signal: ending.signal, expiresAt }
    const { afterwards, ...final } = await answerOf(verb, args, context)
    await finish(id, { ...final, n: await stream.end() })
    await afterwards?.()
  }

  return {
    receive: async (id, payload) => {
      if (underWay.has(id)) return
      const known = knownAnswer(id)
      if (known !== undefined) {
        // It was sent before, or is on its way: of a flood of them not each has to be answered once more.
        if (underWay.size < mostUnderWay) void answerLater(id, () => send(id, known))
        return
      }
      if (begun(id) !== undefined) {
        void answerLater(id, () => finish(id, interrupted))
        return
      }
      const judged = judge(payload)
      if ('final' in judged) return await tell(id, judged.final)
      const { command, verb } = judged
      underWay.add(id)
      const entry = { id, at: nowMs(), expiresAt: command.expiresAt }
      const begins = store.updateDevice((record) => ({ ...record, begun: [...(record.begun ?? []), entry] }))
      const work = begins
        .then(
          () => answerLater(id, () => carryOut(id, command, verb)),
          () => undefined,
        )
        .finally(() => carriedOut.delete(id))
      carriedOut.set(id, work)
      try {
        await begins
      } catch (error) {
        await tell(id, { outcome: 'failed', reason: reasonOf(error) })
      }
    },
    answerInterrupted: async () => {
      const left = store.device().begun ?? []
      // From the first on: the broker may bring them once more.
      for (const { id } of left) underWay.add(id)
      for (const { id } of left) {
        const known = knownAnswer(id)
        await answerLater(id, () => (known === undefined ? finish(id, interrupted) : send(id, known)))
      }
    },
    stop: async () => {
      ending.abort()
      await Promise.race([Promise.all(carriedOut.values()), pause(stopMs)])
    },
  }
}

/** Why one more cannot be taken: what is under way, and what could not be known again if it were forgotten. */
const crowdFault = (underWayCount: number, record: DeviceRecord, now: number): Reason | undefined => {
  if (underWayCount >= mostUnderWay)
    return { code: 'command-busy', message: `the device has ${underWayCount} commands under way` }
  const count = underWayCount + liveAnswers(record, now)
  return count >= answeredLimit
    ? { code: 'command-busy', message: `the device has had ${count} commands that have not expired yet` }
    : undefined
}

const answerOf = async (verb: Verb, args: Command['args'], context: VerbContext): Promise<Answer> => {
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
export const reservedBytes = 512

/** What is too large for the broker would never come: then the answer says that. */
const within = (maxBytes: number, reply: Reply): Reply => {
  const { byteLength } = writePayload(reply)
  if (byteLength <= maxBytes - reservedBytes) return reply
  const { result: _, ...rest } = reply
  const message = `the answer has ${byteLength} bytes, ${maxBytes - reservedBytes} are allowed`
  return { ...rest, outcome: 'failed', reason: { code: 'payload-too-large', message } }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref())
