/**
 * Keeps one source from filling the link and the disk: of each kind of each service, or piece of hardware, so many at once, and then one a minute
 * with the number of those left out. What an accepted deployment comes to is always told. Pure.
 */
import type { EventKind } from '../../src/protocol/event.ts'
import type { AgentEvent } from './agent-event.ts'

type Source = {
  readonly tokens: number
  readonly atMs: number
  readonly leftOut: number
  /** of those left out: how it stands by now */
  readonly newest?: AgentEvent
}

export type EventLimits = ReadonlyMap<string, Source>

export const noEventLimits: EventLimits = new Map()

const burst = 5
const refillMs = 60_000

/** Sources that have been silent for so long that they are as good as new are forgotten beyond this number. */
const mostSources = 500

const limited: ReadonlySet<EventKind> = new Set([
  'link-up',
  'link-down',
  'deployment-refused',
  'app-degraded',
  'app-recovered',
  'service-started',
  'service-ended',
  'service-restarted',
  'service-healthy',
  'service-unhealthy',
  'service-missing',
  'device-plugged',
  'device-unplugged',
])

export type Told = { readonly event: AgentEvent; readonly leftOut: number }

/** @param nowMs of a clock that never jumps */
export const judgeEvent = (
  limits: EventLimits,
  event: AgentEvent,
  nowMs: number,
): { readonly limits: EventLimits; readonly told?: Told } => {
  if (!limited.has(event.kind)) return { limits, told: { event, leftOut: 0 } }
  const { kind, app, service, hardware } = event
  const key = [kind, app, service, hardware?.class, hardware?.name].join(' ')
  const before = limits.get(key) ?? { tokens: burst, atMs: nowMs, leftOut: 0 }
  const tokens = tokensAt(before, nowMs)
  if (tokens < 1)
    return { limits: new Map(limits).set(key, { tokens, atMs: nowMs, leftOut: before.leftOut + 1, newest: event }) }
  const after = new Map(limits).set(key, { tokens: tokens - 1, atMs: nowMs, leftOut: 0 })
  return { limits: withoutOld(after, nowMs), told: { event, leftOut: before.leftOut } }
}

/** What was left out and may be told by now: the newest of each source, so that its last word is known. */
export const dueEvents = (
  limits: EventLimits,
  nowMs: number,
): { readonly limits: EventLimits; readonly told: readonly Told[] } => {
  const after = new Map(limits)
  const told: Told[] = []
  for (const [key, source] of limits) {
    const tokens = tokensAt(source, nowMs)
    if (source.newest === undefined || tokens < 1) continue
    told.push({ event: source.newest, leftOut: source.leftOut - 1 })
    after.set(key, { tokens: tokens - 1, atMs: nowMs, leftOut: 0 })
  }
  return { limits: after, told }
}

const tokensAt = ({ tokens, atMs }: Source, nowMs: number): number =>
  Math.min(burst, tokens + (nowMs - atMs) / refillMs)

const withoutOld = (limits: EventLimits, nowMs: number): EventLimits =>
  limits.size <= mostSources
    ? limits
    : new Map([...limits].filter(([, { atMs, leftOut }]) => leftOut > 0 || nowMs - atMs < burst * refillMs))
