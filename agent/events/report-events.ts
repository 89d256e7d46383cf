/** What happened, from two reports of an app: what was said of it before, and what is said now. Pure. */
import { defined, own } from '../../src/defined.ts'
import type { EventKind } from '../../src/protocol/event.ts'
import type { Outcome, ServiceReport } from '../../src/protocol/reported.ts'
import type { ReportBody } from '../reconcile/report.ts'
import type { HistoryEntry } from '../store/app-record.ts'
import type { AgentEvent } from './agent-event.ts'

const outcomeKinds: Readonly<Record<Outcome, EventKind>> = {
  succeeded: 'deployment-succeeded',
  'rolled-back': 'deployment-rolled-back',
  'rollback-failed': 'deployment-rollback-failed',
  failed: 'deployment-failed',
  superseded: 'deployment-superseded',
}

type Deployment = Pick<ReportBody, 'generation' | 'release'>
type Ended = Deployment & Pick<HistoryEntry, 'outcome' | 'reason'>

/**
 * Oldest first. Without a report before, as at the start of the agent, what stands there is not news.
 *
 * @param ended what deployments came to, also where no report said so because another took their place
 */
export const reportEvents = (
  before: ReportBody | undefined,
  after: ReportBody,
  ended: readonly Ended[] = [],
): AgentEvent[] =>
  before === undefined
    ? []
    : [
        ...refusalEvents(before, after),
        ...replacedEvents(before, after, ended),
        ...acceptedEvents(before, after),
        ...serviceEvents(before, after),
        ...outcomeEvents(before, after),
        ...phaseEvents(before, after),
      ]

/** Also of two with one generation the later release takes the place of the other. */
export const isSameDeployment = (one: Deployment, other: Deployment): boolean =>
  one.generation === other.generation && one.release === other.release

const about = ({
  app,
  generation,
  release,
}: Pick<ReportBody, 'app'> & Deployment): Pick<AgentEvent, 'app' | 'generation' | 'release'> =>
  defined({ app, generation: generation ?? undefined, release: release ?? undefined })

const refusalEvents = (before: ReportBody, { app, refused }: ReportBody): AgentEvent[] => {
  if (refused === undefined || refused.at === before.refused?.at) return []
  const { generation, release, reason } = refused
  return [{ kind: 'deployment-refused', ...defined({ app, generation, release, reason }) }]
}

const replacedEvents = (before: ReportBody, after: ReportBody, ended: readonly Ended[]): AgentEvent[] => {
  if (before.generation === null || before.outcome !== undefined || isSameDeployment(before, after)) return []
  const { outcome = 'superseded', reason } = ended.find((one) => isSameDeployment(one, before)) ?? {}
  return [{ kind: outcomeKinds[outcome], ...about(before), ...defined({ reason }) }]
}

const acceptedEvents = (before: ReportBody, after: ReportBody): AgentEvent[] =>
  after.generation === null || isSameDeployment(before, after) ? [] : [{ kind: 'deployment-accepted', ...about(after) }]

const outcomeEvents = (before: ReportBody, after: ReportBody): AgentEvent[] => {
  const { outcome, reason, phase } = after
  const isNew = outcome !== undefined && (outcome !== before.outcome || !isSameDeployment(before, after))
  if (!isNew) return []
  if (phase === 'removed') return [{ kind: 'app-removed', ...about(after) }]
  return [{ kind: outcomeKinds[outcome], ...about(after), ...defined({ reason }) }]
}

const phaseEvents = (before: ReportBody, after: ReportBody): AgentEvent[] => {
  if (!isSameDeployment(before, after) || after.phase === before.phase) return []
  if (after.phase === 'degraded')
    return [{ kind: 'app-degraded', ...about(after), ...defined({ reason: after.reason }) }]
  const hasRecovered = before.phase === 'degraded' && (after.phase === 'running' || after.phase === 'completed')
  return hasRecovered ? [{ kind: 'app-recovered', ...about(after) }] : []
}

/** Each container of a service by itself: the report as a whole is that of the worst, now of this one, now of that. */
const serviceEvents = (before: ReportBody, after: ReportBody): AgentEvent[] => {
  const isUnderWay = after.outcome === undefined || after.phase === 'rolling-back'
  return Object.entries(after.services).flatMap(([service, report]) =>
    containersOf(report).flatMap((now) => {
      const was = containersOf(own(before.services, service)).find(({ number }) => number === now.number)
      const kind = containerKind(was, now)
      // One that is taken away for the next is not missing.
      if (kind === undefined || (kind === 'service-missing' && isUnderWay)) return []
      const replica = report.replicas === undefined ? undefined : now.number
      const facts = isOf(report, now) ? factsOf(kind, report) : {}
      return [{ kind, ...about(releaseOfContainers(after)), service, ...defined({ replica }), ...facts }]
    }),
  )
}

type Container = NonNullable<ServiceReport['replicas']>[number]

const containersOf = (report: ServiceReport | undefined): readonly Container[] => {
  if (report === undefined) return []
  const { state, health, restarts, startedAt, replicas } = report
  return replicas ?? [{ number: 1, state, health, restarts, ...defined({ startedAt }) }]
}

/** Whether what is known beyond the state of each container is known of this one. */
const isOf = ({ state, startedAt, restarts }: ServiceReport, container: Container): boolean =>
  container.state === state && container.startedAt === startedAt && container.restarts === restarts

/** Once a deployment is rolled back, its containers are those of the last good one. */
const releaseOfContainers = (report: ReportBody): Pick<ReportBody, 'app'> & Deployment => {
  const { app, phase, outcome, lastGood } = report
  const isBack = phase === 'rolling-back' || outcome === 'rolled-back' || outcome === 'rollback-failed'
  return isBack && lastGood !== undefined ? { app, ...lastGood } : report
}

/** One event a change: the one that says most. Of one that was not seen before nobody knows what is new. */
const containerKind = (before: Container | undefined, now: Container): EventKind | undefined => {
  if (before === undefined) return undefined
  const isAnother = before.startedAt !== now.startedAt && now.startedAt !== undefined
  if (hasEnded(now) && (before.state !== now.state || isAnother || now.restarts !== before.restarts))
    return 'service-ended'
  if (now.state === 'missing') return before.state === 'missing' ? undefined : 'service-missing'
  if (now.state === 'running' && isAnother) return now.restarts > 0 ? 'service-restarted' : 'service-started'
  if (now.health === before.health) return undefined
  if (now.health === 'unhealthy') return 'service-unhealthy'
  return now.health === 'healthy' && before.health === 'unhealthy' ? 'service-healthy' : undefined
}

const hasEnded = ({ state }: Container): boolean =>
  state === 'exited' || state === 'restarting' || state === 'completed' || state === 'dead'

const factsOf = (
  kind: EventKind,
  { cause, exitCode, restarts, log, reason }: ServiceReport,
): Pick<AgentEvent, 'cause' | 'exitCode' | 'restarts' | 'log' | 'reason'> =>
  kind === 'service-started'
    ? defined({ cause })
    : defined({ exitCode, restarts: restarts === 0 ? undefined : restarts, log, reason })
