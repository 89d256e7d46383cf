/** The deployment that a bundle becomes on a device, as if it had come over the broker. Pure. */
import type { Bundle } from '../../src/protocol/bundle.ts'
import type { Assignment } from '../../src/protocol/deployment.ts'
import { runsOn } from '../../src/protocol/platform.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AppRecord } from '../store/app-record.ts'

export type LocalInput = {
  readonly device: string
  readonly record: AppRecord
  /** the highest generation that this device reported before its state was lost; 0: none */
  readonly generationFloor: number
  /** epoch ms */
  readonly now: number
}

/** The generation rises as it does at the broker; of what runs already, or is under way, it is the same again. */
export const localDeployment = (bundle: Bundle, input: LocalInput): Assignment => {
  const { device, record, generationFloor, now } = input
  const { app, release, compose, files } = bundle
  const seen = Math.max(record.generationSeen, generationFloor)
  return {
    schema: 1,
    device,
    app,
    generation: sameGeneration(bundle, record) ?? Math.max(now, seen + 1),
    release,
    compose,
    files,
    issuedAt: now,
    by: 'load (local)',
  }
}

/** A release names its images by tag: brought again with others under the same tags it is a new deployment. */
const sameGeneration = (bundle: Bundle, { accepted }: AppRecord): number | undefined => {
  if (accepted === undefined || accepted.deployment.remove || accepted.deployment.release !== bundle.release)
    return undefined
  const isSame = Object.entries(bundle.images).every(([reference, { id }]) => accepted.images[reference] === id)
  const hasFailed = accepted.verdict !== undefined && accepted.verdict.outcome !== 'succeeded'
  return isSame && !hasFailed ? accepted.deployment.generation : undefined
}

/** The first image that this machine cannot run. A service that names its platform wants just that, by an emulator maybe. */
export const platformFault = (
  { images, platform }: Bundle,
  machine: { readonly platform: string },
): Reason | undefined => {
  const wrong = Object.entries(images).find(
    ([, image]) => image.platform === platform && !runsOn(machine.platform, platform),
  )
  return (
    wrong && {
      code: 'wrong-platform',
      message: `image ${wrong[0]} of the bundle is for ${wrong[1].platform}, this machine is ${machine.platform}`,
    }
  )
}
