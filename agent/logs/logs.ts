/** The verb `logs`: which logs are being read from the device, and what each of them hears of readers, engine and link. */
import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { Link } from '../../src/link/link.ts'
import {
  creditEveryBytes,
  type LogArgs,
  type LogCredit,
  logArgsSchema,
  logCreditSchema,
  mostWindow,
} from '../../src/protocol/log.ts'
import { describeIssue, readPayload } from '../../src/protocol/payload.ts'
import { type Reason, reasonOf } from '../../src/protocol/reason.ts'
import type { Topics } from '../../src/protocol/topics.ts'
import { refused, type Verb } from '../commands/verb.ts'
import type { Engine, EngineEvent, LogQuery } from '../engine/engine.ts'
import { logTime } from '../engine/log-time.ts'
import type { LogRing } from '../log-ring.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { label } from '../translate/engine-names.ts'
import { type AppLog, createAppLog } from './app-log.ts'
import { createInterleaver, type Interleaver } from './interleave.ts'
import { createLineFilter } from './line-filter.ts'
import { createLogBudget } from './log-budget.ts'
import { createLogStream, type LogStream } from './log-stream.ts'
import { ownLogSource } from './own-log-source.ts'

export type LogsInput = {
  readonly device: string
  readonly topics: Topics
  readonly engine: Pick<Engine, 'list' | 'logs'>
  readonly store: Pick<Store, 'app' | 'device' | 'updateDevice'>
  readonly ownLog: LogRing
  readonly link: () => Pick<Link, 'publish' | 'subscribe' | 'isConnected'>
  readonly maxBytes: number
  /** 0: no limit */
  readonly bytesPerDay: number
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type Logs = {
  readonly verb: Verb
  /** A message of a reader. One that means nothing is passed over. */
  readonly onCredit: (id: string, payload: Uint8Array) => void
  readonly onEngineEvent: (event: EngineEvent) => void
  /** Looks for containers that no event told of. */
  readonly look: () => void
  /** The connection stands: what readers say must come again. */
  readonly onConnect: () => void
  readonly onDisconnect: () => void
}

/** Each holds a window of memory and a connection to the engine. */
const mostStreams = 32

/** Of all windows together. */
const mostInFlight = 4 * mostWindow

/** Text in a chunk: other messages wait behind it on a thin link. */
const usualChunkBytes = 16 * 1024

/** A followed source that says nothing for so long is not waited for. */
const patienceMs = 50

/** Several containers start together. */
const gatherMs = 100

/** One that ended may have been started again while its last lines were read. */
const lookAgainMs = 1_000

type Reading = {
  readonly stream: LogStream
  readonly app: string | undefined
  readonly lookSoon: (afterMs?: number) => void
}

export const createLogs = (input: LogsInput): Logs => {
  const { device, topics, engine, store, ownLog, link, maxBytes, nowMs, monotonicMs, log } = input
  const budget = createLogBudget(input.bytesPerDay, store, nowMs, log)
  const readings = new Map<string, Reading>()
  let hearing: Promise<void> | undefined

  /** Subscribed to when the first log is read, and then for as long as the connection stands. */
  const hear = (): Promise<void> => {
    hearing ??= link().subscribe([topics.logCredit(device, '+')], 0)
    return hearing
  }

  const hearFor = (stream: LogStream): void => {
    hear().catch((error: unknown) => {
      hearing = undefined
      const reason = reasonOf(error)
      if (reason.code !== 'link-down') stream.end(reason) // the next connection subscribes again
    })
  }

  const verb: Verb = async (given, { id, signal }) => {
    const parsed = logArgsSchema.safeParse(given)
    if (!parsed.success) return refused({ code: 'message-invalid', ...describeIssue(parsed.error) })
    const args = parsed.data
    const fault = argsFault(args, args.app === undefined ? undefined : store.app(args.app))
    if (fault !== undefined) return refused(fault)
    const filter = args.grep === undefined ? undefined : createLineFilter(args.grep)
    if (readings.size >= mostStreams)
      return { outcome: 'busy', reason: { code: 'log-busy', message: `${mostStreams} logs are being read already` } }

    const abort = new AbortController()
    const lines = createInterleaver(args.follow ? patienceMs : Number.POSITIVE_INFINITY, monotonicMs)
    const stream = createLogStream({
      id,
      lines,
      filter,
      hasTimes: args.timestamps,
      firstWindow: args.window,
      windowLimit: () => Math.max(2 * creditEveryBytes, mostInFlight / Math.max(1, readings.size)),
      chunkBytes: Math.min(usualChunkBytes, Math.floor((maxBytes - 512) / 2)),
      publish: (payload) => link().publish(topics.log(device, id), payload, { qos: 0, retain: false }),
      spend: budget.spend,
      nowMs,
      monotonicMs,
    })
    const reading: Reading = { stream, app: args.app, lookSoon: () => undefined }
    readings.set(id, reading)
    const onEnding = (): void => stream.end(agentEnds)
    setMaxListeners(0, signal)
    signal.addEventListener('abort', onEnding)
    hearFor(stream)
    try {
      const query = queryOf(args, nowMs())
      if (args.app === undefined) {
        lines.add(ownLogSource(ownLog, query, abort.signal))
        lines.close()
        return await stream.run()
      }
      const { app, service, follow } = args
      let timer: NodeJS.Timeout | undefined
      const lookSoon = (afterMs = gatherMs): void => {
        timer ??= setTimeout(() => {
          timer = undefined
          if (!abort.signal.aborted) void lookOn(appLog, app, lines)
        }, afterMs)
      }
      const appLog = createAppLog({
        engine,
        agent: device,
        app,
        service,
        query,
        mayJoin: !args.timestamps && args.grep === undefined,
        add: lines.add,
        onEnd: () => lookSoon(lookAgainMs),
        nowMs,
        signal: abort.signal,
      })
      const count = await appLog.look()
      if (count === 0 && !isThere(store.app(app))) return refused(unknownApp(app))
      if (follow) {
        readings.set(id, { ...reading, lookSoon })
        // For what started while the engine was asked, of which nobody was told.
        lookSoon()
      } else lines.close()
      const answer = await stream.run()
      clearTimeout(timer)
      return answer
    } finally {
      signal.removeEventListener('abort', onEnding)
      readings.delete(id)
      lines.stop()
      abort.abort()
    }
  }

  const lookOn = async (appLog: AppLog, app: string, lines: Interleaver): Promise<void> => {
    try {
      if ((await appLog.look()) === 0 && !isThere(store.app(app))) lines.close()
    } catch {
      // The engine is away: whoever listens to its events looks again when it is back.
    }
  }

  const each = (work: (reading: Reading) => void): void => {
    for (const reading of readings.values()) work(reading)
  }

  return {
    verb,
    onCredit: (id, payload) => {
      const read = readPayload<LogCredit>(logCreditSchema, payload, maxBytes)
      if (read.ok) readings.get(id)?.stream.credit(read.value)
    },
    onEngineEvent: ({ subject, action, labels }) => {
      if (subject === 'container' && lookedFor.has(action))
        each(({ app, lookSoon }) => {
          if (app === labels[label.app]) lookSoon()
        })
    },
    look: () => each(({ lookSoon }) => lookSoon()),
    onConnect: () => each(({ stream }) => hearFor(stream)),
    onDisconnect: () => {
      hearing = undefined
    },
  }
}

const lookedFor: ReadonlySet<string> = new Set(['start', 'destroy', 'remove'])

const queryOf = ({ follow, since, until, tail }: LogArgs, now: number): LogQuery => ({
  follow,
  tail,
  since: since && logTime(msOf(since, now)),
  until: until && logTime(msOf(until, now)),
})

const msOf = (moment: NonNullable<LogArgs['since']>, now: number): number =>
  Math.min(latestMs, Math.max(0, 'at' in moment ? moment.at : now - moment.agoMs))

/** The end of the year 9999: times behind it have more digits, and do not sort. */
const latestMs = 253_402_300_799_999

const argsFault = (args: LogArgs, record: AppRecord | undefined): Reason | undefined => {
  const { app, agent, service } = args
  if ((app === undefined) === (agent === undefined))
    return { code: 'message-invalid', message: 'logs are those of an app, or of the agent', path: 'app' }
  if (service === undefined) return undefined
  if (agent === true) return { code: 'message-invalid', message: 'the agent has no services', path: 'service' }
  const deployment = record?.accepted?.deployment
  if (deployment === undefined || deployment.remove === true) return undefined
  const services = Object.keys(deployment.compose.services).sort()
  if (services.includes(service)) return undefined
  return { code: 'reference-missing', message: `app ${app} has no service ${service}, but ${services.join(', ')}` }
}

/** An app that was removed, and of which nothing is left, is none. */
const isThere = (record: AppRecord | undefined): boolean =>
  record?.accepted !== undefined &&
  !(record.accepted.deployment.remove === true && record.accepted.verdict?.outcome === 'succeeded')

const agentEnds: Reason = { code: 'command-interrupted', message: 'the agent was stopped; follow again' }

const unknownApp = (app: string): Reason => ({ code: 'app-unknown', message: `no app ${app} is on the device` })
