/**
 * The log of one container, followed. Docker before 23 falls silent for good when it rotates a file under a reader that is
 * behind, and `docker logs -f` with it: so where nothing comes, the newest line is asked for, which costs next to nothing, and
 * if that is one that never came, the log is opened again behind the last that did.
 */
import type { Engine, LogFrame, LogQuery } from '../engine/engine.ts'

export type FollowInput = {
  readonly engine: Pick<Engine, 'logs'>
  readonly id: string
  readonly query: LogQuery
  /** What is not younger is left out: it was read before. */
  readonly behind: string | undefined
  /** as `logTime` writes it: what is younger than this must come */
  readonly openedAt: string
  readonly signal: AbortSignal
}

const tickMs = 2_000

/** So many ticks without a line, and it is asked all the same. */
const quietTicks = 30

/** Ends with the container, or with the signal. */
export async function* followLog(input: FollowInput): AsyncGenerator<readonly LogFrame[]> {
  const { engine, id, openedAt, signal } = input
  let { query, behind } = input
  let last = behind
  for (;;) {
    const attempt = new AbortController()
    let isWaiting = true
    let ticks = 0
    let hasNews = true
    let suspect: string | undefined
    const check = async (): Promise<void> => {
      if (!isWaiting || signal.aborted) return
      ticks += 1
      if (suspect !== undefined && suspect === (last ?? openedAt)) return attempt.abort()
      suspect = undefined
      if (!hasNews && ticks < quietTicks) return
      hasNews = false
      ticks = 0
      const seen = last ?? openedAt
      // It may be on its way this moment: a tick later it is not.
      if (((await newestTime(engine, id, signal)) ?? '') > seen) suspect = seen
    }
    const timer = setInterval(() => void check().catch(() => undefined), tickMs) // the stream itself tells what is wrong
    try {
      for await (const frames of engine.logs(id, query, AbortSignal.any([signal, attempt.signal]))) {
        const fresh = after(frames, behind)
        last = fresh.at(-1)?.time ?? last
        hasNews = true
        isWaiting = false
        yield fresh
        isWaiting = true
      }
    } finally {
      clearInterval(timer)
    }
    if (!attempt.signal.aborted || signal.aborted) return
    behind = last
    // Joined, the first frame could not be told from what came before.
    query = { ...query, tail: undefined, since: last ?? openedAt, joins: false }
  }
}

const after = (frames: readonly LogFrame[], behind: string | undefined): readonly LogFrame[] =>
  behind === undefined ? frames : frames.filter(({ time }) => time > behind)

const newestTime = async (
  engine: Pick<Engine, 'logs'>,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> => {
  let newest: string | undefined
  for await (const frames of engine.logs(id, { follow: false, tail: 1 }, signal)) newest = frames.at(-1)?.time ?? newest
  return newest
}
