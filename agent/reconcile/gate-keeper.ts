/** Knows what holds an app up at this moment: reads its lock, where it may have one, and the clocks. */
import { lockExpiryMs, usesLock } from '../../src/compose/lock.ts'
import type { Model } from '../../src/compose/model.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import type { AppRecord } from '../store/app-record.ts'
import { clockOf } from './clock.ts'
import { gatesOf, isWaiting } from './gates.ts'
import { type Lock, lockFrom } from './lock.ts'
import type { Gate } from './plan-contract.ts'

export type GateKeeperInput = {
  readonly files: Pick<ProjectFiles, 'lock'>
  readonly apps: () => readonly AppRecord[]
  /** of the device */
  readonly timeZone: () => string
  /** epoch ms */
  readonly builtAt: number
  readonly nowMs: () => number
  readonly monotonicMs: () => number
}

/** Returns what keeps a deployment waiting; nothing for one that has begun. Never rejects. */
export const createGateKeeper = (input: GateKeeperInput): ((record: AppRecord) => Promise<Gate[]>) => {
  const { files, apps, timeZone, builtAt, nowMs, monotonicMs } = input
  const locks = new Map<string, Lock>()

  const lockOf = async (record: AppRecord): Promise<Lock | undefined> => {
    const model = modelWithLock(record)
    const file = model && (await files.lock(record.app))
    if (model === undefined || file === undefined) {
      locks.delete(record.app)
      return undefined
    }
    const sight = { now: nowMs(), monotonicNow: monotonicMs(), notBefore: builtAt, expiryMs: lockExpiryMs(model) }
    const lock = lockFrom(file, sight, locks.get(record.app))
    locks.set(record.app, lock)
    return lock
  }

  return async (record) => {
    if (!isWaiting(record)) return []
    // What cannot be read may be a lock, and what runs goes on meanwhile.
    const unread: Gate[] = []
    const lock = await lockOf(record).catch((error: unknown) => {
      unread.push({ reason: reasonOf(error), wakeAt: monotonicMs() + retryMs })
      return undefined
    })
    const issued = apps().flatMap(({ accepted }) => accepted?.deployment.issuedAt ?? [])
    const clock = clockOf(nowMs(), [builtAt, ...issued])
    return [...unread, ...gatesOf({ record, clock, monotonicNow: monotonicMs(), timeZone: timeZone(), lock })]
  }
}

const retryMs = 10_000

/** What runs may hold a lock; before anything proved itself, that is what was deployed. */
const modelWithLock = ({ accepted, lastGood }: AppRecord): Model | undefined => {
  const newest = accepted === undefined || accepted.deployment.remove ? undefined : accepted.deployment.compose
  return [lastGood?.compose, newest].find((model) => model !== undefined && usesLock(model))
}
