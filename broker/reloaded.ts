/** What is read from files, and read again when they change. What cannot be used leaves what was there before, and the log says so. */
import { stat } from 'node:fs/promises'
import type { Logger } from 'pino'
import { reasonOf } from '../src/protocol/reason.ts'

export type Reloaded<T> = {
  readonly current: () => T
  /** Reads them again if they are others than last time. To be called now and then. */
  readonly check: () => Promise<void>
  /** Reads them again. */
  readonly reload: () => Promise<void>
}

export type ReloadedInput<T> = {
  readonly files: readonly string[]
  readonly read: () => Promise<T>
  readonly changed: (next: T, before: T) => void
  readonly log: Logger
}

/**
 * The clock by which a file system marks changes is a coarse one: two of them in one tick look like one. So what changed is
 * read once more when the tick is surely over.
 */
const tickMs = 50

/** @throws what `read` does, at the start only */
export const openReloaded = async <T>({ files, read, changed, log }: ReloadedInput<T>): Promise<Reloaded<T>> => {
  // Before they are read: what changes meanwhile is seen by the next check.
  let readAtMs = performance.now()
  let seenAtMs = readAtMs
  let seen = await marksOf(files)
  let current = await read()
  let last: Promise<void> = Promise.resolve()

  const readAgain = async (isForced: boolean): Promise<void> => {
    const nowMs = performance.now()
    const marks = await marksOf(files)
    const isOther = marks !== seen
    if (isOther) seenAtMs = nowMs
    const isSettled = readAtMs - seenAtMs >= tickMs
    if (files.length === 0 || (!isOther && isSettled && !isForced)) return
    seen = marks
    readAtMs = nowMs
    const isNews = isOther || isForced
    try {
      const before = current
      current = await read()
      changed(current, before)
      if (isNews) log.info({ files }, 'read again')
    } catch (error) {
      if (isNews) log.error({ files, ...reasonOf(error) }, 'cannot be used: what was read before stays in force')
    }
  }
  const next = (isForced: boolean): Promise<void> => {
    last = last.then(() => readAgain(isForced))
    return last
  }

  return { current: () => current, check: () => next(false), reload: () => next(true) }
}

/** Of a file that was replaced at least one of these is another. */
const marksOf = async (files: readonly string[]): Promise<string> => {
  const marks = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ ino, size, mtimeNs, ctimeNs }) => `${ino} ${size} ${mtimeNs} ${ctimeNs}`,
        (error: NodeJS.ErrnoException) => error.code ?? 'unreadable',
      ),
    ),
  )
  return marks.join('\n')
}
