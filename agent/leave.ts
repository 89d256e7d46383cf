/** Ends that must not wait for ever: a broker that does not answer any more must not keep a device from being shut down. */
import type { Outbox } from '../src/outbox/outbox.ts'

/** Resolves when the work has ended in some way, or after a time. */
export const within = (timeoutMs: number, work: Promise<void>): Promise<void> =>
  Promise.race([work.catch(() => undefined), new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref())])

/** Resolves when the broker has all that was queued, or after a time. */
export const drained = async (outbox: Pick<Outbox, 'counts'>, timeoutMs: number): Promise<void> => {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += 20) {
    if (Object.values(outbox.counts().classes).every(({ isEmpty }) => isEmpty)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
