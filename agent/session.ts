/**
 * What the agent says and reads on each connection, in this order:
 *
 *   commands → birth → own status back? → what it reported before → secrets, desired state → inventory, reports, replies
 *
 * A broker may take its time over each subscription: a device that is seen as online must hear what it is told.
 * The birth that comes back proves that the broker keeps what we retain, and that all that was retained under our own
 * topics before it has arrived.
 */
import type { Logger } from 'pino'
import type { Link, Will } from '../src/link/link.ts'
import type { Health } from '../src/protocol/health.ts'
import { readPayload, writePayload } from '../src/protocol/payload.ts'
import { type Reason, reasonOf } from '../src/protocol/reason.ts'
import { reportedSchema } from '../src/protocol/reported.ts'
import { type Status, statusSchema } from '../src/protocol/status.ts'
import type { Topics } from '../src/protocol/topics.ts'
import { createIdContest } from './id-contest.ts'
import { nextSession } from './store/device-record.ts'
import type { Store } from './store/store.ts'

export type SessionInput = {
  readonly device: string
  readonly topics: Topics
  readonly store: Store
  readonly version: string
  /** the own verdict, as others are told */
  readonly health: () => Health
  /** random, of this process */
  readonly instance: string
  readonly nowMs: () => number
  /** epoch ms that have passed for certain, which the own clock may not know of */
  readonly knownMs: () => number
  readonly monotonicMs: () => number
  readonly log: Logger
  readonly link: () => Link
  readonly onDesired: (app: string, payload: Uint8Array) => Promise<void>
  readonly onSecret: (app: string, payload: Uint8Array) => Promise<void>
  readonly onCommand: (id: string, payload: Uint8Array) => Promise<void>
  /** of a reader of a log */
  readonly onLogCredit: (id: string, payload: Uint8Array) => void
  readonly onCertificate: (payload: Uint8Array) => void
  /**
   * The connection stands and everything was read: send what is newest. `isContinued`: in a session that the broker kept, and
   * with it what was retained.
   */
  readonly onReady: (connection: { readonly isContinued: boolean }) => void
  /** a retained report of an app that this device knows nothing of, after all desired state was read */
  readonly onOrphanReport: (app: string) => void
  /** another agent was found to live under the id of this one */
  readonly onContest: (reason: Reason) => void
}

export type Session = {
  readonly beforeConnect: () => Promise<Will>
  readonly onConnect: (connection: { readonly sessionPresent: boolean }) => Promise<void>
  readonly onMessage: (topic: string, payload: Buffer) => Promise<void>
  readonly number: () => number
  /** The highest generation that this device is known to have reported of an app; 0: none. */
  readonly reportedGeneration: (app: string) => number
  /** Reads the whole desired state again. */
  readonly readDesired: () => Promise<void>
  /** why this device and another one throw each other out */
  readonly contest: () => Reason | undefined
  /** Says once more that the device is there, as after its clock was set. */
  readonly repeatBirth: () => Promise<void>
  /** After a goodbye that came too early: the device is there. */
  readonly stay: () => Promise<void>
  /** Says that the agent is going, so that its absence is not taken for a fault. */
  readonly sayGoodbye: () => Promise<void>
}

/** How long to wait for the own birth, and for retained desired state to come in. */
const settleMs = 3_000

/** Another agent under the same id answers every birth with its own: do not join in at full speed. */
const rebirthPauseMs = 5_000
const contestedRebirthPauseMs = 300_000

export const createSession = (input: SessionInput): Session => {
  const { device, topics, store, instance, nowMs, monotonicMs, log, link } = input
  const idContest = createIdContest({ instance, before: store.device().session, monotonicMs })
  let session = 0
  let hasFailed = false
  let birthEcho: (() => void) | undefined
  let lastRebirthMs = Number.NEGATIVE_INFINITY
  let hasRead = false
  let lastReadMs = 0
  let hasReadReports = false
  let isLeaving = false
  const reportedBefore = new Map<string, number>()

  const statusMessage = (online: boolean): Buffer =>
    writePayload({
      ...{ schema: 1, at: nowMs(), online, session, agent: input.version, instance },
      ...(online ? { health: input.health() } : {}),
    } satisfies Status)

  const publishStatus = (online: boolean): Promise<void> =>
    link().publish(topics.status(device), statusMessage(online), { qos: 1, retain: true })

  const keepNumber = async (): Promise<void> => {
    try {
      await store.updateDevice((record) => ({ ...record, session }))
    } catch (error) {
      // A full disk must not take the device out of reach as well; the clock keeps the number from being used again.
      log.error({ ...reasonOf(error) }, 'the session number could not be stored; connecting all the same')
    }
  }

  /** Secrets first: a deployment that finds them there does not begin by waiting for them. */
  const readDesired = async (): Promise<void> => {
    await link().subscribe([topics.secret(device, '+')], 1)
    await link().subscribe([topics.desired(device, '+')], 1)
  }

  const isOwnBirth = (status: Status): boolean =>
    status.session === session && (status.instance ?? instance) === instance

  const onStatus = (payload: Buffer): void => {
    const read = readPayload(statusSchema, payload)
    if (read.ok && read.value.online && isOwnBirth(read.value)) {
      birthEcho?.()
      return
    }
    if (read.ok && idContest.seen(read.value)) {
      const reason = contestReason(device)
      log.error({ ...reason, session: read.value.session }, reason.message)
      input.onContest(reason)
    }
    // The late will of an older connection, or a foreign hand: what stands there must be true.
    const pauseMs = idContest.isOn() ? contestedRebirthPauseMs : rebirthPauseMs
    if (isLeaving || birthEcho !== undefined || monotonicMs() - lastRebirthMs < pauseMs) return
    lastRebirthMs = monotonicMs()
    log.warn(
      { status: read.ok ? read.value : read.reason },
      'somebody else wrote the status of this device; publishing it again',
    )
    publishStatus(true).catch(() => undefined) // the link went down: the next birth corrects it
  }

  const onReported = (app: string, payload: Buffer): void => {
    const read = readPayload(reportedSchema, payload)
    if (payload.byteLength > 0) reportedBefore.set(app, (read.ok ? read.value.generation : 0) ?? 0)
  }

  return {
    number: () => session,
    contest: () => (idContest.isOn() ? contestReason(device) : undefined),
    repeatBirth: async () => {
      if (!isLeaving) await publishStatus(true)
    },
    stay: () => {
      isLeaving = false
      return publishStatus(true)
    },
    reportedGeneration: (app) => reportedBefore.get(app) ?? 0,
    readDesired,
    beforeConnect: async () => {
      session = Math.max(session + 1, nextSession(store.device(), input.knownMs()))
      idContest.own(session)
      // Days without a link are thousands of attempts: of those that follow a failed one, the one that stands is stored.
      if (!hasFailed) await keepNumber()
      hasFailed = true
      return { topic: topics.status(device), payload: statusMessage(false) }
    },
    onConnect: async ({ sessionPresent }) => {
      hasFailed = false
      await keepNumber()
      const isFullRead = !hasRead || !sessionPresent
      const echoed = new Promise<boolean>((resolve) => {
        birthEcho = () => resolve(true)
        setTimeout(() => resolve(false), settleMs).unref()
      })
      const full = [topics.reported(device, '+'), topics.command(device, '+')]
      await link().subscribe([topics.status(device), ...(isFullRead ? full : [])], 1)
      await publishStatus(true)
      if (!(await echoed))
        log.error(
          { code: 'not-retained' },
          'the broker did not send the birth of this device back: check its access rules',
        )
      birthEcho = undefined
      if (isFullRead) {
        await link().unsubscribe([topics.reported(device, '+')])
        hasReadReports = true
        await readDesired()
        hasRead = false
        lastReadMs = monotonicMs()
        awaitEndOfRead(session)
        setTimeout(() => clearOrphans(), settleMs).unref()
      }
      input.onReady({ isContinued: !isFullRead })
    },
    onMessage: async (topic, payload) => {
      const parsed = topics.parse(topic)
      if (parsed === undefined || parsed.device !== device) {
        log.warn({ topic }, 'a message on a topic that means nothing was ignored')
        return
      }
      switch (parsed.kind) {
        case 'desired':
          // Queued at the broker, of an app without a record: what was reported of it must be known first, or something
          // older than what runs could be taken. The full read that is about to follow brings it again.
          if (!hasReadReports && store.app(parsed.app) === undefined) return
          await input.onDesired(parsed.app, payload)
          lastReadMs = monotonicMs()
          return
        case 'secret':
          await input.onSecret(parsed.app, payload)
          lastReadMs = monotonicMs()
          return
        case 'command':
          return await input.onCommand(parsed.id, payload)
        case 'log-credit':
          return input.onLogCredit(parsed.id, payload)
        case 'status':
          return onStatus(payload)
        case 'certificate':
          return parsed.way === 'response' ? input.onCertificate(payload) : undefined
        case 'reported':
          return onReported(parsed.app, payload)
        case 'inventory':
        case 'event':
        case 'telemetry':
        case 'progress':
        case 'reply':
        case 'log':
          return
      }
    },
    sayGoodbye: async () => {
      isLeaving = true
      if (link().isConnected()) await publishStatus(false)
    },
  }

  /**
   * What is retained comes after the SUBACK, for as long as it takes, and a broker need not send it again to a session that
   * it kept (the embedded one does not). A link that breaks meanwhile reads it all once more.
   */
  function awaitEndOfRead(number: number): void {
    setTimeout(() => {
      if (session !== number) return
      if (monotonicMs() - lastReadMs < settleMs) awaitEndOfRead(number)
      else hasRead = link().isConnected()
    }, settleMs).unref()
  }

  function clearOrphans(): void {
    for (const app of reportedBefore.keys()) {
      if (store.app(app) === undefined) input.onOrphanReport(app)
    }
  }
}

const contestReason = (device: string): Reason => ({
  code: 'device-id-in-use',
  message: `another agent connects as device ${device}`,
})
