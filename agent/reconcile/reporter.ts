/** Sends the newest report of each app: only when it changed, again on every connection, and until the broker has it. */
import { isDeepStrictEqual } from 'node:util'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import type { ReportBody } from './report.ts'

export type Reporter = {
  /** The newest word about an app. Equal to the one before: nothing is sent. */
  readonly tell: (body: ReportBody) => void
  /** What was said last of an app. */
  readonly last: (app: string) => ReportBody | undefined
  /** The same as the message that it stands in; it need not have reached a broker. */
  readonly message: (app: string) => Reported | undefined
  /** Sends the last report of an app once more: somebody asked by deploying the same again. */
  readonly repeat: (app: string) => void
  readonly repeatAll: () => void
  /** The clock on the wall was set, forward by so many ms: when something began is said anew. */
  readonly shiftClock: (byMs: number) => void
  /** Clears the retained report of an app that was removed and that nobody assigns any more. */
  readonly clear: (app: string) => void
}

export type ReporterInput = {
  /** Resolves when the broker has it, rejects when the link is down; `undefined` clears the retained message. */
  readonly publish: (app: string, message: Reported | undefined) => Promise<void>
  readonly session: () => number
  readonly nowMs: () => number
}

type Entry = {
  body: ReportBody | undefined
  /** What was last said before it was cleared. */
  cleared?: ReportBody | undefined
  since: number
  version: number
  sent: number
  isSending: boolean
}

/** A broker that has had enough for now is given so long. */
const refusedMs = 60_000

export const createReporter = ({ publish, session, nowMs }: ReporterInput): Reporter => {
  const entries = new Map<string, Entry>()

  const messageOf = ({ body, since }: Entry): Reported | undefined =>
    body && { schema: 1, at: nowMs(), session: session(), since, ...body }

  const send = async (app: string, entry: Entry): Promise<void> => {
    if (entry.isSending) return
    entry.isSending = true
    try {
      while (entry.sent !== entry.version) {
        const { version } = entry
        await publish(app, messageOf(entry))
        entry.sent = version
      }
    } catch (error) {
      // Without a link `repeatAll` on the next connection sends what is newest then; a broker that refused may take it later.
      if (reasonOf(error).code !== 'link-down') setTimeout(() => void send(app, entry), refusedMs).unref()
    } finally {
      entry.isSending = false
    }
  }

  const renew = (app: string, entry: Entry): void => {
    entry.version += 1
    void send(app, entry)
  }

  return {
    tell: (body) => {
      const entry = entries.get(body.app)
      if (entry === undefined) {
        const fresh: Entry = { body, since: nowMs(), version: 1, sent: 0, isSending: false }
        entries.set(body.app, fresh)
        void send(body.app, fresh)
        return
      }
      if (isDeepStrictEqual(entry.body, body)) return
      // The turn after a removal was decided may end later than the instruction for it was taken away.
      if (entry.body === undefined && isDeepStrictEqual(entry.cleared, body)) return
      if (entry.body?.phase !== body.phase || entry.body.generation !== body.generation) entry.since = nowMs()
      entry.body = body
      renew(body.app, entry)
    },
    last: (app) => entries.get(app)?.body,
    message: (app) => {
      const entry = entries.get(app)
      return entry && messageOf(entry)
    },
    repeat: (app) => {
      const entry = entries.get(app)
      if (entry !== undefined) renew(app, entry)
    },
    repeatAll: () => {
      for (const [app, entry] of entries) renew(app, entry)
    },
    shiftClock: (byMs) => {
      for (const [app, entry] of entries) {
        if (entry.body === undefined) continue
        entry.since = Math.max(0, entry.since + byMs)
        renew(app, entry)
      }
    },
    clear: (app) => {
      const entry = entries.get(app) ?? { body: undefined, since: 0, version: 0, sent: 0, isSending: false }
      entry.cleared = entry.body ?? entry.cleared
      entry.body = undefined
      entries.set(app, entry)
      renew(app, entry)
    },
  }
}
