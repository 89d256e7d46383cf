/**
 * What keeps a deployment from touching what runs: the operator's hold, the window of the app, and the lock that the app
 * holds. What is under way is not held up, nor is its rollback, which is part of it. Pure.
 */
import { windowState } from '../../src/compose/window.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Clock } from './clock.ts'
import type { Lock } from './lock.ts'
import type { Gate } from './plan-contract.ts'

export type GatesInput = {
  readonly record: AppRecord
  readonly clock: Clock
  /** ms of the clock that never jumps, at the same moment */
  readonly monotonicNow: number
  /** of the device */
  readonly timeZone: string
  readonly lock?: Lock | undefined
}

/** Nobody sleeps for longer: a clock that is set, or jumps, says nothing of it. */
const longestSleepMs = 3_600_000
/** An app that takes its lock back says nothing of it either. */
const lockLookMs = 2_000
const lockLookBesidesMs = 60_000

export const gatesOf = (input: GatesInput): Gate[] => {
  if (!isWaiting(input.record)) return []
  const others = [...heldGate(input), ...windowGate(input)]
  return [...others, ...lockGate(input, others.length === 0 ? lockLookMs : lockLookBesidesMs)]
}

/**
 * Whether there is something that a gate could hold up: a deployment that has not begun, or, of one that proved itself,
 * the new value of a secret.
 */
export const isWaiting = ({ accepted }: AppRecord): boolean => {
  if (accepted === undefined) return false
  const { deployment, verdict, begun } = accepted
  return verdict === undefined
    ? begun === undefined && deployment.now !== true
    : verdict.outcome === 'succeeded' && deployment.remove !== true
}

/** @param now epoch ms */
export const holdAt = ({ hold }: AppRecord, now: number): AppRecord['hold'] =>
  hold?.until !== undefined && hold.until <= now ? undefined : hold

const heldGate = ({ record, clock, monotonicNow }: GatesInput): Gate[] => {
  const hold = holdAt(record, clock.now)
  if (hold === undefined) return []
  const until = hold.until === undefined ? '' : ` until ${new Date(hold.until).toISOString()}`
  const why = hold.reason === undefined ? '' : `: ${hold.reason}`
  return [
    {
      reason: { code: 'held', message: `${hold.by} holds the app${until}${why}` },
      ...(hold.until === undefined ? {} : { wakeAt: monotonicNow + sleepMs(hold.until - clock.now) }),
    },
  ]
}

/** It binds updates of what proved itself: a first deployment has nothing to disturb, and a removal is an end. */
const windowGate = ({ record: { accepted, lastGood }, clock, monotonicNow, timeZone }: GatesInput): Gate[] => {
  if (accepted === undefined || accepted.deployment.remove || lastGood === undefined) return []
  const windows = accepted.deployment.compose['x-longshore']?.update?.window
  if (windows === undefined) return []
  const gate = (more: string, delayMs: number): Gate[] => [
    {
      reason: { code: 'window-closed', message: `updates wait for the window ${windows.join(' or ')}${more}` },
      wakeAt: monotonicNow + sleepMs(delayMs),
    },
  ]
  if (clock.behind !== undefined) {
    const passed = new Date(clock.behind).toISOString()
    return gate(`, and the clock of the device is wrong: it is behind ${passed}, which has passed`, lockLookBesidesMs)
  }
  const state = windowState(windows, clock.now, timeZone)
  if (state.isOpen) return []
  if (state.opensAt === undefined) return gate(', which never opens', longestSleepMs)
  return gate(`, which opens at ${localTime(state.opensAt, timeZone)}`, state.opensAt - clock.now)
}

const lockGate = ({ lock, monotonicNow }: GatesInput, lookMs: number): Gate[] => {
  if (lock === undefined || lock.expiresAt <= monotonicNow) return []
  const why = lock.reason === undefined ? '' : `: ${lock.reason}`
  const message = `${lock.owner ?? 'the app'} holds its lock, until ${new Date(lock.until).toISOString()} at the latest${why}`
  return [{ reason: { code: 'locked', message }, wakeAt: Math.min(lock.expiresAt, monotonicNow + lookMs) }]
}

const sleepMs = (ms: number): number => Math.min(ms, longestSleepMs)

/** `2026-11-23 02:00 Europe/Berlin`: the time of day that the operator wrote. */
const localTime = (at: number, timeZone: string): string => {
  const format = Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
  return `${format.format(at)} ${timeZone}`
}
