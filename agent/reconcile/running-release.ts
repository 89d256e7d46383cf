/** Which release of an app runs, for what is asked of it by command: while an update waits that is the one before. Pure. */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { targetOf } from './target.ts'

export type RunningRelease = {
  readonly app: string
  readonly compose: Model
  readonly images: Readonly<Record<string, string>>
  readonly files: AcceptedAssignment['files']
  readonly generation: number
  readonly release: string
}

/** Refused while an update replaces containers: what was asked of one release would be done to the other. */
export const runningRelease = (record: AppRecord): RunningRelease | { readonly reason: Reason } => {
  const { app, lastGood } = record
  const { accepted } = targetOf(record)
  if (accepted === undefined || accepted.deployment.remove)
    return { reason: { code: 'app-unknown', message: `no app ${app} is on the device` } }
  const { compose, files, generation, release } = accepted.deployment
  if (accepted.verdict !== undefined) return { app, compose, images: accepted.images, files, generation, release }
  if (lastGood === undefined || accepted.begun !== undefined)
    return { reason: { code: 'update-under-way', message: `generation ${generation} of app ${app} is under way` } }
  const { files: before = {}, ...rest } = lastGood
  return { app, files: before, ...pick(rest) }
}

const pick = ({ compose, images, generation, release }: Omit<RunningRelease, 'app' | 'files'>) => ({
  compose,
  images,
  generation,
  release,
})
