/**
 * A durable queue to the broker. What `append` has resolved for survives a kill and a power cut until the broker has
 * acknowledged it, except telemetry, which is written only while it cannot be sent, and then every `flushIntervalMs`.
 * Memory stays bounded however long there is no link; the disk stays within a cap, and whatever is dropped is told of.
 */
import type { Dropped, DropReason, MessageClass } from '../protocol/queued.ts'
import { LongshoreError } from '../protocol/reason.ts'
import type { ClassQueue } from './class-queue.ts'
import { createCommits, topClass } from './commits.ts'
import type { ClassCounts, Outbox, OutboxInput } from './contract.ts'
import type { Entry } from './entry.ts'
import { wrapMessage } from './envelope.ts'
import { isDurable } from './limits.ts'
import { openFolder } from './open-folder.ts'
import { byClass, openQueues } from './open-queues.ts'
import { createSender } from './sender.ts'
import { setAside } from './set-aside.ts'
import { ageMs, type Clocks, correctedAt, isStep, noteClock, type Stamp } from './stamp.ts'
import { writeCursor, writeEpoch } from './state-files.ts'
import { createTally } from './tally.ts'
import { createTimers } from './timers.ts'

export type { Message, Outbox, OutboxInput } from './contract.ts'

/** How often it is written what was acknowledged; a crash sends that much again. */
const cursorMs = 1_000

/** The fields put before each message. */
const envelopeBytes = 100

/** Never rejects because of the disk: an agent without one still has to run, and `counts` and `append` tell. */
export const openOutbox = async (input: OutboxInput): Promise<Outbox> => {
  const { files, log, boot, monotonicMs, earliestMs = 0 } = input
  // What is dropped at once is little beside the share of any class.
  const segmentBytes = Math.min(input.limits.segmentBytes, Math.max(4_096, input.limits.capBytes / 64))
  const limits = { ...input.limits, segmentBytes }
  const openedMs = monotonicMs()
  const found = await openFolder(files, input.nowMs(), log)
  const { epoch } = found
  let clocks: Clocks = found.cursor.clocks
  let isClosed = false
  let closing: Promise<void> | undefined
  let reportedMs = Number.NEGATIVE_INFINITY
  let saving = Promise.resolve()
  const waiters = new Map<Entry, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  let saved = ''
  const timers = createTimers<'cursor' | 'flush' | 'report'>()
  const { after } = timers
  const tally = createTally()

  const queues = openQueues({
    files,
    epoch,
    boot,
    segmentBytes,
    found,
    log,
    onDamage: (messageClass, damage) => drop({ class: messageClass, ...damage, reason: 'corrupt' }),
  })
  const queueOf = byClass(queues)

  const readClocks = (): Stamp => {
    const now = { atMs: input.nowMs(), monotonicMs: monotonicMs(), boot }
    if (now.atMs >= earliestMs && isStep(clocks, now)) {
      clocks = noteClock(clocks, now)
      after('cursor', cursorMs, () => void saveCursor(false))
    }
    return now
  }

  const drop = (dropped: Dropped): void => {
    tally.dropped(dropped)
    // The first of them at once: what is gone and not told of yet would be a hole after a kill.
    after('report', Math.max(0, reportedMs + limits.reportDropsMs - monotonicMs()), report)
  }

  const dropEntry = ({ messageClass, seq, epoch: ofEpoch }: Entry, reason: DropReason): void =>
    drop({ class: messageClass, epoch: ofEpoch, from: seq, to: seq, count: 1, reason })

  const addReports = (): void => {
    if (tally.hasUntold()) reportedMs = monotonicMs()
    for (const dropped of tally.takeUntold()) {
      const { topic, body } = input.describeDrop(dropped)
      queueOf[topClass].add(newEntry(topClass, topic, JSON.stringify(body), dropped))
    }
  }

  const report = (): void => {
    if (!tally.hasUntold()) return
    if (commits.fault() !== undefined) after('report', limits.reportDropsMs, report)
    else {
      addReports()
      commits.commit()
    }
  }

  const writeCursorNow = async (isDurable: boolean): Promise<void> => {
    const settled = Object.fromEntries(queues.map(({ messageClass, store }) => [messageClass, store.settled()]))
    // What was never on disk, as telemetry with a link, changes nothing here.
    const text = JSON.stringify({ settled, clocks })
    if (text === saved && !isDurable) return
    saved = text
    await writeCursor(files, { settled, clocks }, isDurable).catch((error: unknown) => {
      saved = ''
      log.debug({ err: error }, 'what was acknowledged is not noted, and would be sent again')
    })
  }

  /** One after the other: two at once would write into one file, and an older one come last. */
  const saveCursor = (isDurable: boolean): Promise<void> => {
    saving = saving.then(() => writeCursorNow(isDurable))
    return saving
  }

  const flushWhenDue = (): void => {
    const oldest = queueOf.telemetry.oldestInMemoryOnly()
    if (oldest === undefined) return
    const leftMs = limits.flushIntervalMs - (monotonicMs() - oldest.stamp.monotonicMs)
    after('flush', Math.max(leftMs, 1), () => {
      const due = queueOf.telemetry.oldestInMemoryOnly()
      if (due === undefined) return
      if (monotonicMs() - due.stamp.monotonicMs < limits.flushIntervalMs) return flushWhenDue()
      // A disk that refuses is not asked without a pause.
      void commits.flush().then(() => after('flush', limits.flushIntervalMs, flushWhenDue))
    })
  }

  const newEntry = (messageClass: MessageClass, topic: string, text: string, dropped?: Dropped): Entry => {
    tally.appended(messageClass)
    return {
      messageClass,
      epoch,
      seq: queueOf[messageClass].takeSeq(),
      topic,
      text,
      bytes: Buffer.byteLength(topic) + Buffer.byteLength(text),
      stamp: readClocks(),
      state: 'ready',
      attempt: 0,
      refusals: 0,
      losses: 0,
      ...(dropped === undefined ? {} : { drop: dropped }),
    }
  }

  const commits = createCommits({
    queues,
    limits,
    files,
    monotonicMs,
    log,
    addReports,
    storeEpoch: () => writeEpoch(files, epoch),
    onFull: ({ messageClass }, damage) => {
      if (damage.count > 0) drop({ class: messageClass, ...damage, reason: 'full' })
    },
    onWritten: (entries) => {
      for (const entry of entries) {
        waiters.get(entry)?.resolve()
        waiters.delete(entry)
      }
      sender.pump()
    },
    onFailed: (entry, error) => {
      // The report of a drop is no message of anybody: what it tells is told later.
      if (entry.drop === undefined) dropEntry(entry, 'disk')
      else tally.untold(entry.drop)
      after('report', limits.reportDropsMs, report)
      waiters.get(entry)?.reject(error)
      waiters.delete(entry)
    },
  })

  const sender = createSender({
    queues,
    limits,
    monotonicMs,
    log,
    payloadOf: (entry) => {
      readClocks()
      const { messageClass, seq, stamp } = entry
      return wrapMessage({ class: messageClass, epoch: entry.epoch, seq, at: correctedAt(stamp, clocks) }, entry.text)
    },
    isExpired: ({ stamp, messageClass }) => {
      const now = { atMs: input.nowMs(), monotonicMs: monotonicMs(), boot }
      return ageMs(stamp, now, clocks, openedMs) > limits.classes[messageClass].ttlMs
    },
    onEnd: (queue, entry, reason) => {
      if (reason === undefined) tally.sent(entry.messageClass)
      else dropEntry(entry, reason)
      if (reason === 'poison')
        void setAside(files, `${entry.messageClass}-${entry.epoch}-${entry.seq}`, `${entry.topic}\n${entry.text}\n`)
      void queue.settle()
      after('cursor', cursorMs, () => void saveCursor(false))
    },
  })

  const appendTelemetry = (queue: ClassQueue, entry: Entry): void => {
    queue.add(entry)
    if (sender.isConnected()) sender.pump()
    if (queue.pendingBytes() > limits.segmentBytes && commits.fault() === undefined) void commits.flush()
    while (queue.pendingBytes() > limits.maxPendingBytes) dropEntry(queue.takeOldestPending() as Entry, 'disk')
    if (!timers.has('flush')) flushWhenDue()
  }

  const refuse = (messageClass: MessageClass, reason: DropReason, error: LongshoreError): never => {
    tally.refused(messageClass, reason)
    throw error
  }

  return {
    append: async (messageClass, { topic, body }) => {
      if (isClosed) throw new LongshoreError('internal-error', `appending to ${topic}: the outbox is closed`)
      const text = JSON.stringify(body)
      const bytes = Buffer.byteLength(topic) + Buffer.byteLength(text) + envelopeBytes
      if (bytes > limits.maxMessageBytes) {
        const message = `a message to ${topic} has ${bytes} bytes, ${limits.maxMessageBytes} are allowed`
        return refuse(messageClass, 'poison', new LongshoreError('payload-too-large', message))
      }
      const queue = queueOf[messageClass]
      if (!isDurable(messageClass)) {
        const entry = newEntry(messageClass, topic, text)
        appendTelemetry(queue, entry)
        return { epoch, seq: entry.seq }
      }
      const fault = commits.fault()
      if (fault !== undefined) return refuse(messageClass, 'disk', fault)
      if (queue.pendingBytes() > limits.maxPendingBytes) {
        const message = `appending to ${topic}: ${queue.pendingBytes()} bytes wait for the disk already`
        return refuse(messageClass, 'disk', new LongshoreError('state-unusable', message))
      }
      const entry = newEntry(messageClass, topic, text)
      queue.add(entry)
      commits.commit()
      await new Promise<void>((resolve, reject) => waiters.set(entry, { resolve, reject }))
      return { epoch, seq: entry.seq }
    },
    start: sender.start,
    setConnected: sender.setConnected,
    counts: () => {
      const fault = commits.fault()
      return {
        epoch,
        classes: Object.fromEntries(
          queues.map((queue) => [
            queue.messageClass,
            {
              ...tally.of(queue.messageClass),
              bytesOnDisk: queue.store.bytes(),
              inMemory: queue.entries.length + queue.pending().length,
              isEmpty: queue.isEmpty(),
            },
          ]),
        ) as Record<MessageClass, ClassCounts>,
        inFlight: sender.inFlight(),
        oldestInFlightMs: sender.oldestInFlightMs(),
        ...(fault === undefined ? {} : { fault }),
      }
    },
    close: () => {
      closing ??= (async () => {
        isClosed = true
        sender.stop()
        timers.stop()
        addReports()
        await commits.flush()
        await saveCursor(true)
        for (const { store } of queues) await store.close()
      })()
      return closing
    },
  }
}
