/** A record with what a plan decided: to be on disk before any of it is acted on. Pure. */
import { defined } from '../../src/defined.ts'
import type { Accepted, AppRecord, CompletedJob, Verdict } from '../store/app-record.ts'
import { withHistory } from './history.ts'
import type { Plan } from './plan-contract.ts'
import { withDecisions, writtenAfter } from './plan-files.ts'
import { targetOf, withTarget } from './target.ts'

export type DecidedInput = {
  /** epoch ms */
  readonly now: number
  readonly keepReleases: number
  /** the last lines of the container that the plan says it failed on */
  readonly log?: readonly string[] | undefined
}

type Change = (record: AppRecord, planned: Plan, input: DecidedInput) => AppRecord

export const decided: Change = (record, planned, input) =>
  [withFiles, withImages, withJobs, withBeginning, withRollback, withVerdict].reduce(
    (after, change) => change(after, planned, input),
    record,
  )

/** Whether a plan holds anything that the record does not. */
export const isDecision = ({ images, files, completedJobs, begins, rollback, verdict }: Plan): boolean =>
  [images, files, completedJobs, begins, rollback, verdict].some((made) => made !== undefined)

const withFiles: Change = (record, { files }) =>
  files === undefined ? record : withTarget(record, withDecisions(targetOf(record), files))

/**
 * Of a rollback they are those of the last good release; one that is named by its digest may have another id now. An id
 * that is not here any more stays known: nothing else may run in its place.
 */
const withImages: Change = (record, { images }) => {
  if (images === undefined) return record
  const { lastGood, accepted } = record
  return accepted?.rollback !== undefined && lastGood !== undefined
    ? { ...record, lastGood: { ...lastGood, images: { ...lastGood.images, ...images } } }
    : withAccepted(record, { images: { ...accepted?.images, ...images } })
}

/** So many digests of one job are remembered: it must be known again after a rollback. */
const mostDigests = 4

const withJobs: Change = (record, { completedJobs }, { now }) => {
  if (completedJobs === undefined) return record
  const added = completedJobs.map((job): CompletedJob => ({ ...job, at: now }))
  const counts = new Map<string, number>()
  const kept = [...added, ...(record.completedJobs ?? [])].filter(({ service }) => {
    counts.set(service, (counts.get(service) ?? 0) + 1)
    return (counts.get(service) as number) <= mostDigests
  })
  return { ...record, completedJobs: kept }
}

const withBeginning: Change = (record, { begins }, { now }) =>
  begins === undefined ? record : withAccepted(record, { begun: { at: now, faulty: [...begins.faulty] } })

const withRollback: Change = (record, { rollback }, { now }) =>
  rollback === undefined ? record : withAccepted(record, { rollback: { reason: rollback.reason, at: now } })

/** What was said last by the container that a rollback is about; known a little later than the decision. */
export const withLastWords = (record: AppRecord, lines: readonly string[]): AppRecord => {
  const { rollback, verdict } = record.accepted ?? {}
  return rollback === undefined || rollback.log !== undefined || verdict !== undefined
    ? record
    : withAccepted(record, { rollback: { ...rollback, log: [...lines] } })
}

const withVerdict: Change = (record, planned, { now, keepReleases, log }) => {
  const { accepted } = record
  if (planned.verdict === undefined || accepted === undefined) return record
  const verdict = verdictOf(accepted, planned.verdict, now, log)
  const after: AppRecord = { ...record, accepted: { ...accepted, verdict } }
  const { deployment } = accepted
  if (deployment.remove) return verdict.outcome === 'succeeded' ? afterRemoval(after) : after
  const recorded = withHistory(after, verdict, keepReleases)
  if (verdict.outcome !== 'succeeded') return recorded
  const { generation, release, compose, files } = deployment
  const written = writtenAfter(accepted.files ?? {}, files)
  return { ...recorded, lastGood: { generation, release, compose, images: accepted.images, files, written } }
}

const verdictOf = (
  { rollback }: Accepted,
  { outcome, reason, isPaused }: NonNullable<Plan['verdict']>,
  at: number,
  log: readonly string[] | undefined,
): Verdict => {
  const lines = log === undefined ? {} : { log: [...log] }
  if (rollback === undefined) return defined({ outcome, reason, at, isPaused, ...lines })
  const { reason: cause, log: before } = rollback
  if (outcome === 'succeeded') return defined({ outcome: 'rolled-back' as const, reason: cause, log: before, at })
  const message = `${cause.message}; going back failed too: ${reason?.message ?? 'for no known reason'}`
  return { outcome: 'rollback-failed', reason: { ...cause, ...reason, message }, at, ...lines }
}

/** What stays on the device is still the app's, should it come back. */
const afterRemoval = ({ format, app, generationSeen, accepted, refused, ...rest }: AppRecord): AppRecord => {
  const base = defined({ format, app, generationSeen, accepted, refused })
  if (accepted?.deployment.remove && accepted.deployment.volumes === true) return base
  const { written, maybeWritten, adopted } = rest
  return { ...base, ...defined({ written, maybeWritten, adopted }) }
}

const withAccepted = (record: AppRecord, changes: Partial<Accepted>): AppRecord =>
  record.accepted === undefined ? record : { ...record, accepted: { ...record.accepted, ...changes } }
