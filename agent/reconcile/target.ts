/**
 * What should run of an app: its newest release, or, once that failed and is rolled back, its last good one.
 *
 *   accepted → under way → succeeded
 *                 ↘ failed: nothing to go back to, or the release does not want it
 *                 ↘ rollback → rolled-back | rollback-failed
 *
 * A record whose deployment is rolled back is planned as if the last good release had been deployed in its place: a
 * rollback is an update like any other. Pure.
 */
import type { Accepted, AppRecord } from '../store/app-record.ts'

/** The record as the planner is to see it: equal to the one given unless it is rolled back. */
export const targetOf = (record: AppRecord): AppRecord => {
  const { accepted, lastGood } = record
  if (accepted?.rollback === undefined || accepted.deployment.remove || lastGood === undefined) return record
  const { rollback, deployment, files: _, verdict, ...rest } = accepted
  const { generation, release, compose, images, files = {} } = lastGood
  const target: Accepted = {
    ...rest,
    rollback,
    deployment: { ...deployment, generation, release, compose, files },
    images,
    ...(rollback.files === undefined ? {} : { files: rollback.files }),
    ...(verdict === undefined ? {} : { verdict: { ...verdict, outcome: targetOutcome[verdict.outcome] } }),
  }
  return { ...record, accepted: target }
}

/** What the outcome of the deployment says about the release that was put back. */
const targetOutcome = {
  'rolled-back': 'succeeded',
  'rollback-failed': 'failed',
  succeeded: 'succeeded',
  failed: 'failed',
  superseded: 'superseded',
} as const

/** The record after its target was changed: a rollback keeps decisions about files of its own. */
export const withTarget = (record: AppRecord, target: AppRecord): AppRecord => {
  const { accepted } = record
  if (accepted?.rollback === undefined || target.accepted === undefined) return target
  const { files } = target.accepted
  return {
    ...target,
    accepted: { ...accepted, rollback: { ...accepted.rollback, ...(files === undefined ? {} : { files }) } },
  }
}

/** Of a record or its target alike. */
export const isRollback = ({ accepted }: AppRecord): boolean => accepted?.rollback !== undefined
