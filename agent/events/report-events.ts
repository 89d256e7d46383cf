/** What happened, from two reports of an app: what was said of it before, and what is said now. Pure. */
import { defined } from '../../src/defined.ts'
import type { EventKind } from '../../src/protocol/event.ts'
import type { Outcome, ServiceReport } from '../../src/protocol/reported.ts'
import type { ReportBody } from '../reconcile/report.ts'
import type { AgentEvent } from './agent-event.ts'

const outcomeKinds: Readonly<Record<Outcome, EventKind>> = {
  succeeded: 'deployment-succeeded',
  'rolled-back': 'deployment-rolled-back',
  'rollback-failed': 'deployment-rollback-failed',
  failed: 'deployment-failed',
  superseded: 'deployment-superseded',
}

/** Oldest first. Without a report before, as at the start of the agent, what stands there is not news. */
export const reportEvents = (before: ReportBody | undefined, after: ReportBody): AgentEvent[] =>
  before === undefined
    ? []
    : [
        ...refusalEvents(before, after),
        ...acceptedEvents(before, after),
        ...serviceEvents(before, after),
        ...outcomeEvents(before, after),
        ...phaseEvents(before, after),
      ]

const about = ({ app, generation, release }: ReportBody): Pick<AgentEvent, 'app' | 'generation' | 'release'> =>
  defined({ app, generation: generation ?? undefined, release: release ?? undefined })

const refusalEvents = (before: ReportBody, { app, refused }: ReportBody): AgentEvent[] => {
  if (refused === undefined || refused.at === before.refused?.at) return []
  const { generation, release, reason } = refused
  return [{ kind: 'deployment-refused', ...defined({ app, generation, release, reason }) }]
}

const acceptedEvents = (before: ReportBody, after: ReportBody): AgentEvent[] =>
  after.generation === null || after.generation === before.generation
    ? []
    : [{ kind: 'deployment-accepted', ...about(after) }]

const outcomeEvents = (before: ReportBody, after: ReportBody): AgentEvent[] => {
  const { outcome, reason, phase } = after
  const isNew = outcome !== undefined && (outcome !== before.outcome || after.generation !== before.generation)
  if (!isNew) return []
  if (phase === 'removed') return [{ kind: 'app-removed', ...about(after) }]
  return [{ kind: outcomeKinds[outcome], ...about(after), ...defined({ reason }) }]
}

const phaseEvents = (before: ReportBody, after: ReportBody): AgentEvent[] => {
  if (after.generation !== before.generation || after.phase === before.phase) return []
  if (after.phase === 'degraded')
    return [{ kind: 'app-degraded', ...about(after), ...defined({ reason: after.reason }) }]
  const hasRecovered = before.phase === 'degraded' && (after.phase === 'running' || after.phase === 'completed')
  return hasRecovered ? [{ kind: 'app-recovered', ...about(after) }] : []
}

const serviceEvents = (before: ReportBody, after: ReportBody): AgentEvent[] =>
  Object.entries(after.services).flatMap(([service, now]) => {
    const kind = serviceKind(before.services[service], now)
    return kind === undefined ? [] : [{ kind, ...about(after), service, ...factsOf(kind, now) }]
  })

/** One event a change: the one that says most. */
const serviceKind = (before: ServiceReport | undefined, now: ServiceReport): EventKind | undefined => {
  const isAnother = before?.startedAt !== now.startedAt && now.startedAt !== undefined
  if (hasEnded(now) && (before?.state !== now.state || isAnother || now.restarts !== before.restarts))
    return 'service-ended'
  if (now.state === 'missing') return before === undefined || before.state === 'missing' ? undefined : 'service-missing'
  if (now.state === 'running' && isAnother) return now.restarts > 0 ? 'service-restarted' : 'service-started'
  if (before === undefined || now.health === before.health) return undefined
  if (now.health === 'unhealthy') return 'service-unhealthy'
  return now.health === 'healthy' && before.health === 'unhealthy' ? 'service-healthy' : undefined
}

const hasEnded = ({ state }: ServiceReport): boolean =>
  state === 'exited' || state === 'restarting' || state === 'completed' || state === 'dead'

const factsOf = (
  kind: EventKind,
  { cause, exitCode, restarts, log, reason }: ServiceReport,
): Pick<AgentEvent, 'cause' | 'exitCode' | 'restarts' | 'log' | 'reason'> =>
  kind === 'service-started'
    ? defined({ cause })
    : defined({ exitCode, restarts: restarts === 0 ? undefined : restarts, log, reason })
