/**
 * What the loop remembers of an app between two turns, in this process only. Losing it is safe: a restart of the agent
 * begins the monitor window again and tries failed operations at once. All functions are pure.
 */
import type { Reason } from '../../src/protocol/reason.ts'
import type { DataOutcome } from '../files/project-files.ts'
import type { Observed } from './observed.ts'
import { type Operation, operationKey } from './operation.ts'

export type Failure = {
  readonly reason: Reason
  readonly attempts: number
  readonly retryAt: number /** the container it was about */
  readonly operationId?: string
}

export type Memory = {
  /** the deployment that this is about; another one begins anew */
  readonly generation: number
  /** putting the last good release back is a new beginning too */
  readonly isRollback: boolean
  /** when services first began to change for it: the deadline counts from here */
  readonly changingSince?: number
  /** since when every service has been as wanted: the monitor window counts from here */
  readonly steadySince?: number
  /** how often containers had restarted then: one more, and the window begins again */
  readonly steadyRestarts?: number
  /** something was done for this deployment: false as long as everything was as wanted before it came */
  readonly hasActed: boolean
  /** containers that were seen running or were started, with their restart count then: an exit is judged against it */
  readonly seenRunning: Readonly<Record<string, number>>
  /** when containers were first seen as wanted: the pause between two replacements counts from here */
  readonly goodSince: Readonly<Record<string, number>>
  /** how often, and when last, the agent itself started a container that had ended */
  readonly starts: Readonly<Record<string, { readonly count: number; readonly at: number }>>
  readonly failures: Readonly<Record<string, Failure>>
}

export const emptyMemory = (generation: number, isRollback = false): Memory => ({
  generation,
  isRollback,
  hasActed: false,
  seenRunning: {},
  goodSince: {},
  starts: {},
  failures: {},
})

export type OperationResult = {
  readonly operation: Operation
  readonly failure?: Reason
  /** of changes to writable files: to be stored */
  readonly outcomes?: readonly DataOutcome[]
}

/** Back-off of a failed operation and of a container that ends again and again: 1, 2, 4 … 60 s. */
export const backOffMs = (attempts: number): number => Math.min(60_000, 1_000 * 2 ** Math.min(attempts - 1, 10))

/** A container that then ran this long starts with a clean sheet. */
const forgiveAfterMs = 120_000

/** The memory after the operations of a turn. */
export const rememberResults = (memory: Memory, results: readonly OperationResult[], now: number): Memory => {
  const failures = { ...memory.failures }
  const starts = { ...memory.starts }
  const seenRunning = { ...memory.seenRunning }
  for (const { operation, failure } of results) {
    const key = operationKey(operation)
    if (failure === undefined) delete failures[key]
    else {
      const attempts = (failures[key]?.attempts ?? 0) + 1
      failures[key] = {
        reason: failure,
        attempts,
        retryAt: now + backOffMs(attempts),
        ...('id' in operation ? { operationId: operation.id } : {}),
      }
    }
    if (operation.kind === 'start-container' && failure === undefined) {
      const before = starts[operation.id]
      const isForgiven = before === undefined || now - before.at > forgiveAfterMs
      starts[operation.id] = { count: isForgiven ? 1 : before.count + 1, at: now }
      seenRunning[operation.id] = 0 // an engine counts restarts anew from here
    }
  }
  return { ...memory, hasActed: memory.hasActed || results.length > 0, failures, starts, seenRunning }
}

/** The memory after a look: which containers run and are healthy, and only those that still exist. */
export const rememberLook = (memory: Memory, observed: Observed, now: number): Memory => {
  const ids = new Set(observed.containers.map(({ id }) => id))
  const ofExisting = <T>(entries: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(entries).filter(([id]) => ids.has(id)))
  const seenRunning = ofExisting(memory.seenRunning)
  const goodSince: Record<string, number> = {}
  for (const { id, state, health, details } of observed.containers) {
    if (state !== 'running') continue
    seenRunning[id] ??= details?.restarts ?? 0
    if (health === 'none' || health === 'healthy') goodSince[id] = memory.goodSince[id] ?? now
  }
  return { ...memory, seenRunning, goodSince, starts: ofExisting(memory.starts) }
}

/** The operator stopped these containers, or their hardware was unplugged: that they ended, and are started again, is held against nobody. */
export const forgetEnds = (memory: Memory, ids: readonly string[]): Memory => {
  const ofOthers = <T>(entries: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(entries).filter(([id]) => !ids.includes(id)))
  return { ...memory, seenRunning: ofOthers(memory.seenRunning), starts: ofOthers(memory.starts) }
}

/** Something changed outside: what failed before may work now. */
export const forgetFailures = (memory: Memory): Memory => ({ ...memory, failures: {} })

/** When a container that ended may be started again by the agent; 0: at once. The first time is at once. */
export const startAllowedAt = (memory: Memory, id: string, now: number): number => {
  const before = memory.starts[id]
  if (before === undefined || now - before.at > forgiveAfterMs) return 0
  return before.at + backOffMs(before.count)
}
