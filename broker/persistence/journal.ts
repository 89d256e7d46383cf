/**
 * The file that every operation is appended to before anything is acknowledged that follows from it. Group commit: what
 * came while one write was on its way goes with the next.
 *
 *   fine ──a write fails──▶ refusing (tries again every second with all that it could not write) ──it worked──▶ fine
 *
 * What a write left half done is cut off before the next, so a file ends in half a record only where the process ended.
 */
import type { Logger } from 'pino'
import { diskFault } from '../../src/outbox/disk-fault.ts'
import type { AppendFile, OutboxFiles } from '../../src/outbox/files.ts'
import type { LongshoreError } from '../../src/protocol/reason.ts'
import { journalName } from './file-names.ts'
import { decodeHead, encodeHead } from './frame.ts'
import { createFrameBuffer, type Operation } from './operation.ts'

/** When what is written is also flushed to the disk: before it is acknowledged, within a second, or when the kernel likes. */
export type FsyncPolicy = 'always' | 'interval' | 'never'

export type Journal = {
  readonly append: (operation: Operation) => void
  /** Calls back once all that was appended so far is as safe as the policy says. */
  readonly whenWritten: (done: (error: LongshoreError | null) => void) => void
  /** Why nothing can be written now. */
  readonly fault: () => LongshoreError | undefined
  /** Goes on in the file of that number; what was appended before is in the one before, and on disk. */
  readonly moveOn: (number: number) => Promise<void>
  /** in the file that it appends to now */
  readonly bytes: () => number
  readonly close: () => Promise<void>
}

type ActiveFile = { readonly file: AppendFile; readonly seed: number; bytes: number }

type Turn = { readonly next: ActiveFile; readonly done: () => void }

const syncEveryMs = 1_000
const retryMs = 1_000

/** @throws LongshoreError disk-full, state-unusable */
export const openJournal = async (input: {
  readonly files: OutboxFiles
  readonly number: number
  readonly policy: FsyncPolicy
  readonly salt: () => string
  readonly log: Logger
}): Promise<Journal> => {
  const { files, policy, log } = input
  const pending = createFrameBuffer()
  /** What a write did not bring to the disk, to be written first. */
  let left: Buffer | undefined
  const waiters: ((error: LongshoreError | null) => void)[] = []
  let running: Promise<void> | undefined
  let fault: LongshoreError | undefined
  let retry: NodeJS.Timeout | undefined
  let isDirty = false

  const create = async (number: number): Promise<ActiveFile> => {
    const head = encodeHead('journal', input.salt())
    const file = await files.create(journalName(number))
    try {
      await file.append(head)
      await file.sync()
    } catch (error) {
      await file.close()
      await files.remove(journalName(number)).catch(() => {})
      throw error
    }
    return { file, seed: seedOf(head), bytes: head.length }
  }
  let active = await create(input.number).catch((error: unknown) => {
    throw diskFault(error, 'beginning a journal')
  })
  /** Of the file that what is appended now will go to. */
  let seed = active.seed
  let turn: Turn | undefined

  const isWork = (): boolean => left !== undefined || pending.size() > 0 || waiters.length > 0 || turn !== undefined

  const write = async (): Promise<void> => {
    while (isWork() || fault !== undefined) {
      const told = left === undefined ? waiters.splice(0) : []
      // What is appended from here on belongs behind the turn, so it has the checksums of the next file.
      if (left === undefined && turn !== undefined) seed = turn.next.seed
      const isLast = seed !== active.seed
      left ??= pending.take()
      try {
        if (left.length > 0) await append(left)
        left = undefined
        // After a fault nothing is fine before a flush was.
        if (policy === 'always' || isLast || (fault !== undefined && policy !== 'never')) await sync()
        if (isLast) await finishTurn()
        recover()
        for (const tell of told) tell(null)
      } catch (error) {
        const reason = fail(error)
        for (const tell of [...told, ...waiters.splice(0)]) tell(reason)
        return
      }
    }
  }

  const finishTurn = async (): Promise<void> => {
    if (turn === undefined) return
    const { next, done } = turn
    turn = undefined
    await active.file.close()
    active = next
    done()
  }

  const append = async (bytes: Buffer): Promise<void> => {
    try {
      await active.file.append(bytes)
    } catch (error) {
      await active.file.truncate(active.bytes).catch(() => {})
      throw error
    }
    active.bytes += bytes.length
    isDirty = true
  }

  const sync = async (): Promise<void> => {
    if (!isDirty) return
    isDirty = false
    await active.file.sync().catch((error: unknown) => {
      isDirty = true
      throw error
    })
  }

  const fail = (error: unknown): LongshoreError => {
    const reason = diskFault(error, 'writing what the broker keeps')
    if (fault === undefined) log.error({ code: reason.code, err: reason }, `${reason.message}; publishers are refused`)
    fault = reason
    retry ??= setTimeout(() => {
      retry = undefined
      start()
    }, retryMs)
    return reason
  }

  const recover = (): void => {
    if (fault !== undefined) log.info('the disk takes what the broker keeps again')
    fault = undefined
  }

  const start = (): void => {
    running ??= Promise.resolve()
      .then(write)
      .finally(() => {
        running = undefined
        if (fault === undefined && isWork()) start()
      })
  }

  const flusher = setInterval(() => {
    if (policy === 'interval' && running === undefined) sync().catch(fail)
  }, syncEveryMs)
  flusher.unref()

  return {
    append: (operation) => {
      pending.add(operation, seed)
      if (fault === undefined) start()
    },
    whenWritten: (done) => {
      if (fault !== undefined) return done(fault)
      if (running === undefined && pending.size() === 0) return done(null)
      waiters.push(done)
      start()
    },
    fault: () => fault,
    moveOn: async (number) => {
      const next = await create(number)
      await new Promise<void>((done) => {
        turn = { next, done }
        start()
      })
    },
    bytes: () => active.bytes,
    close: async () => {
      clearInterval(flusher)
      clearTimeout(retry)
      await running
      if (fault !== undefined && (left !== undefined || pending.size() > 0)) await write()
      await sync().catch(fail)
      clearTimeout(retry)
      await active.file.close()
    },
  }
}

const seedOf = (head: Buffer): number => {
  const read = decodeHead(head, 'journal')
  if (!read.ok) throw new Error('the first line of a journal does not read back')
  return read.seed
}
