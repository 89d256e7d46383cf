/** Which image each service runs: a tag is resolved once a generation, and what is on the device starts with no network. */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { Accepted, AcceptedAssignment } from '../store/app-record.ts'
import type { PlanInput } from './plan-contract.ts'
import type { Views } from './service-view.ts'
import { isRollback } from './target.ts'

export type ImagePlan = {
  /** ids by reference, of all that are known by now */
  readonly ids: Readonly<Record<string, string>>
  /** references to pull */
  readonly wanted: readonly string[]
  readonly isPulling: boolean
  readonly waits: readonly { readonly reason: Reason; readonly retryAt?: number }[]
  /** one of the very images that the release has to run again is gone, and nothing else may run in its place */
  readonly lost?: Reason
}

export const planImages = (input: PlanInput, accepted: Accepted, deployment: AcceptedAssignment): ImagePlan => {
  const ids: Record<string, string> = {}
  const wanted: string[] = []
  const waits: { reason: Reason; retryAt?: number }[] = []
  let isPulling = false
  let lost: Reason | undefined
  // A release that one goes back to runs what it ran: the tag may name another image by now.
  const mustBeTheSame = isRollback(input.record) || deployment.keepImages === true

  const pull = (reference: string): void => {
    wanted.push(reference)
    const state = input.pulls[reference]
    if (state?.state === 'failed')
      waits.push({ reason: withMisfit(input.misfits?.[reference], state.reason), retryAt: state.retryAt })
    else isPulling = true
  }

  for (const [reference, policy] of pullPolicies(deployment.compose)) {
    const known = accepted.images[reference]
    // An id that was not looked up is needed by no container that is yet to be made.
    if (known !== undefined && input.images[known] !== null) {
      ids[reference] = known
      continue
    }
    if (known !== undefined && mustBeTheSame && !reference.includes('@')) {
      lost ??= { code: 'image-missing', message: `image ${reference} that the release ran with is not on the device` }
      continue
    }
    const local = input.images[reference] ?? undefined
    const pulled = input.pulls[reference]
    // What was pulled and stored, and is gone by now, has to be pulled again.
    const isPulled = pulled?.state === 'done' && pulled.imageId !== known
    const isAsked = (policy === 'always' || deployment.pull === true) && known === undefined
    if (isPulled) ids[reference] = pulled.imageId
    else if (isAsked && !(pulled?.state === 'failed' && local !== undefined)) pull(reference)
    else if (local !== undefined) ids[reference] = local
    else if (policy === 'never') waits.push({ reason: input.misfits?.[reference] ?? missing(reference) })
    else pull(reference)
  }
  return { ids, wanted, isPulling, waits, ...(lost === undefined ? {} : { lost }) }
}

const missing = (reference: string): Reason => ({
  code: 'image-missing',
  message: `image ${reference} is not on the device and pull_policy is never`,
})

/** Where no better one is to be had, the one that is here says most. */
const withMisfit = (misfit: Reason | undefined, pull: Reason): Reason =>
  misfit === undefined || pull.code === misfit.code
    ? pull
    : { ...misfit, message: `${misfit.message}; ${pull.message}` }

/**
 * The references and ids that the next plan must know about: none at all while every container is as wanted.
 * @param views of the newest deployment; undefined while not all of its images are known
 */
export const imagesToLookUp = (accepted: Accepted, views: Views | undefined): string[] => {
  const { deployment } = accepted
  if (deployment.remove) return []
  return [...pullPolicies(deployment.compose).keys()].flatMap((reference) => {
    const known = accepted.images[reference]
    if (known === undefined) return [reference]
    const users = [...(views?.values() ?? [])].filter(({ service }) => service.image === reference)
    const isComplete = views !== undefined && users.every(({ wanted }) => wanted !== undefined)
    return isComplete ? [] : [known, reference]
  })
}

/** The platform that a reference is wanted for, where a service names one; a model names one at most. */
export const imagePlatforms = (model: Model): Record<string, string> =>
  Object.fromEntries(
    Object.values(model.services).flatMap(({ image, platform }) => (platform === undefined ? [] : [[image, platform]])),
  )

/** The strongest policy of the services that share a reference, by reference, sorted. */
const pullPolicies = (model: Model): Map<string, 'always' | 'missing' | 'never'> => {
  const policies = new Map<string, 'always' | 'missing' | 'never'>()
  for (const { image, pull_policy: policy = 'missing' } of Object.values(model.services)) {
    const other = policies.get(image)
    const isStronger = other === undefined || policy === 'always' || (policy === 'missing' && other === 'never')
    policies.set(image, isStronger ? policy : other)
  }
  return new Map([...policies].sort(([a], [b]) => (a < b ? -1 : 1)))
}
