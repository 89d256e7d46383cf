/** Reads what the planner must know besides the containers: images and files, and of them only what could matter. */
import type { Model } from '../../src/compose/model.ts'
import { own } from '../../src/defined.ts'
import { misfitOf } from '../../src/protocol/platform.ts'
import type { Engine } from '../engine/engine.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Owner } from '../translate/engine-names.ts'
import { type Adopted, withAdopted } from './adopt.ts'
import type { Observed } from './observed.ts'
import type { PlanInput } from './plan-contract.ts'
import { dataPathsToLookAt, writtenAfter } from './plan-files.ts'
import { imagePlatforms, imagesToLookUp } from './plan-images.ts'
import { isUp, type Views, viewServices } from './service-view.ts'
import { targetOf } from './target.ts'

export type GatherInput = {
  readonly owner: Owner
  readonly engine: Pick<Engine, 'image' | 'facts'>
  readonly files: Pick<ProjectFiles, 'observe' | 'paths'>
  /** as it is on disk */
  readonly record: AppRecord
  readonly observed: Observed
  readonly secretVersions: Readonly<Record<string, string>>
}

export type Gathered = Pick<
  PlanInput,
  'owner' | 'record' | 'observed' | 'secretVersions' | 'images' | 'misfits' | 'files' | 'paths'
> & {
  /** what the app has taken over: to be stored before anything is done about it */
  readonly adopted: Adopted | undefined
}

export const gather = async (input: GatherInput): Promise<Gathered> => {
  const { owner, engine, files, secretVersions } = input
  const { observed, adopted } = withAdopted(owner, input.record, input.observed)
  const record = targetOf(input.record)
  const { accepted, app } = record
  const views = viewsOfTarget({ owner, record, observed, secretVersions })
  const isComplete = views !== undefined && [...views.values()].every(isUp)
  const [lookedUp, observedFiles] = await Promise.all([
    accepted === undefined || accepted.deployment.remove
      ? { images: {} }
      : lookUpImages(engine, imagesToLookUp(accepted, views), accepted.images, accepted.deployment.compose),
    files.observe(app, dataPathsToLookAt(record, isComplete)),
  ])
  return {
    owner,
    record,
    observed,
    adopted,
    secretVersions,
    ...lookedUp,
    files: observedFiles,
    paths: files.paths(app),
  }
}

/** undefined while not all of its images are known. */
const viewsOfTarget = ({
  owner,
  record,
  observed,
  secretVersions,
}: Pick<GatherInput, 'owner' | 'record' | 'observed' | 'secretVersions'>): Views | undefined => {
  const { accepted, app } = record
  if (accepted === undefined || accepted.deployment.remove) return undefined
  const { deployment, images } = accepted
  if (!Object.values(deployment.compose.services).every(({ image }) => image in images)) return undefined
  const written = writtenAfter(accepted.files ?? {}, deployment.files)
  const { completedJobs, stopped } = record
  return viewServices({ owner, app, deployment, images, written, secretVersions, completedJobs, stopped, observed })
}

/** What a service names must be of a platform that runs here; an id that was resolved once is used as it is. */
const lookUpImages = async (
  engine: GatherInput['engine'],
  references: readonly string[],
  resolved: Readonly<Record<string, string>>,
  model: Model,
): Promise<Pick<PlanInput, 'images' | 'misfits'>> => {
  const found = new Map(
    await Promise.all(references.map(async (reference) => [reference, await engine.image(reference)] as const)),
  )
  const images = Object.fromEntries([...found].map(([reference, image]) => [reference, image?.id ?? null]))
  const named = new Set(Object.values(model.services).map(({ image }) => image))
  const toCheck = [...found].flatMap(([reference, image]) =>
    image !== undefined && named.has(reference) && !images[own(resolved, reference) ?? '']
      ? [{ reference, image }]
      : [],
  )
  if (toCheck.length === 0) return { images }
  const { platform } = await engine.facts()
  const wanted = imagePlatforms(model)
  const misfits = Object.fromEntries(
    toCheck.flatMap(({ reference, image }) => {
      const misfit = misfitOf(reference, image.platform, own(wanted, reference), platform)
      return misfit === undefined ? [] : [[reference, misfit]]
    }),
  )
  return { images: { ...images, ...Object.fromEntries(Object.keys(misfits).map((name) => [name, null])) }, misfits }
}
