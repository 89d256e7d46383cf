/**
 * Judges what arrives on `desired/<app>` before anything is stopped: accepted, known already, or refused with a reason.
 * Pure but for the links that the policy follows: the record that comes back is to be on disk before the message is acknowledged.
 */
import type { Model } from '../../src/compose/model.ts'
import { releasePathOf } from '../../src/compose/project-path.ts'
import { validateModel } from '../../src/compose/validate.ts'
import { defined } from '../../src/defined.ts'
import type { Code } from '../../src/protocol/codes.ts'
import { compareDeployments, deploymentSchema, type Ordered, type Removal } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { readPayload } from '../../src/protocol/payload.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { Refusal } from '../../src/protocol/reported.ts'
import { type DeviceFeatures, featureFault } from '../allot/device-features.ts'
import { gpuFault } from '../allot/grant-gpus.ts'
import { placementFault } from '../allot/placement-fault.ts'
import type { Site } from '../allot/site.ts'
import { policyFault } from '../policy/policy-fault.ts'
import type { PolicyInForce } from '../policy/policy-in-force.ts'
import type { AcceptedAssignment, AppRecord, Assigned } from '../store/app-record.ts'
import { claimFault } from './claims.ts'
import { withHistory } from './history.ts'
import { maybeWrittenAfter } from './plan-files.ts'
import { targetOf } from './target.ts'
import { unpackFiles } from './unpack-files.ts'

export type AcceptInput = JudgeInput & { readonly payload: Uint8Array; readonly maxBytes: number }

export type JudgeInput = {
  readonly device: string
  readonly app: string
  readonly record: AppRecord
  /** the records of the other apps: what they claim is theirs */
  readonly others: readonly AppRecord[]
  /** the highest generation that this device reported before its state was lost; 0: none */
  readonly generationFloor: number
  readonly policy: PolicyInForce
  readonly deviceFeatures: DeviceFeatures
  /** absent: nothing is known of the device, and nothing judged by it */
  readonly site?: Site
  /** ids by reference, of images that were brought to the device with the deployment: nobody is asked for them */
  readonly images?: Readonly<Record<string, string>>
  /** epoch ms */
  readonly now: number
  readonly keepReleases: number
}

export type Accept =
  /** `contents` by digest: to be kept before the record is stored */
  | { readonly kind: 'accepted'; readonly record: AppRecord; readonly contents: ReadonlyMap<string, Uint8Array> }
  | { readonly kind: 'refused'; readonly record: AppRecord }
  /** the newest accepted deployment once more: nothing is touched, the last report is sent again */
  | { readonly kind: 'known' }

type Refused = {
  readonly kind: 'refused'
  readonly outcome: Refusal
  readonly reason: Reason
  readonly about?: About
}

type About = Pick<Removal, 'generation'> & { readonly remove?: boolean | undefined; readonly release?: string }

type Judged =
  | { readonly kind: 'known' }
  | Refused
  | { readonly kind: 'accepted'; readonly deployment: AcceptedDeployment }

type AcceptedDeployment = Removal | AcceptedAssignment

export const accept = (input: AcceptInput): Accept => {
  const read = readPayload(deploymentSchema, input.payload, input.maxBytes)
  if (!read.ok) return refuse(input, { kind: 'refused', outcome: 'rejected', reason: read.reason })
  const deployment = read.value
  if (deployment.remove) return acceptRead(input, deployment)
  const unpacked = unpackFiles(deployment.files)
  if ('reason' in unpacked)
    return refuse(input, { kind: 'refused', outcome: 'rejected', reason: unpacked.reason, about: deployment })
  return acceptRead(input, { ...deployment, files: unpacked.files }, unpacked.contents)
}

const refuse = ({ record, now }: JudgeInput, refused: Refused): Accept => ({
  kind: 'refused',
  record: withRefusal(record, refused, now),
})

/** The same for a deployment whose contents are known to be what their digests say. */
export const acceptRead = (
  input: JudgeInput,
  given: Assigned | Removal,
  contents: ReadonlyMap<string, Uint8Array> = new Map(),
): Accept => {
  const { record, now } = input
  const judged = judge(input, given)
  if (judged.kind === 'known') return judged
  if (judged.kind === 'refused') return refuse(input, judged)
  const { deployment } = judged
  const { refused: _, maybeWritten: __, ...rest } = withSuperseded(input)
  const maybeWritten = maybeWrittenAfter(targetOf(record))
  return {
    kind: 'accepted',
    contents,
    record: {
      ...rest,
      ...(maybeWritten === undefined ? {} : { maybeWritten }),
      generationSeen: Math.max(record.generationSeen, deployment.generation),
      accepted: { deployment, at: now, images: { ...imagesToKeep(record, deployment), ...input.images } },
    },
  }
}

const judge = (input: JudgeInput, deployment: Assigned | Removal): Judged => {
  const { record, device, app } = input
  if (deployment.device !== device)
    return reject(
      deployment,
      'device-mismatch',
      `the message is for device ${deployment.device}, this is ${device}`,
      'device',
    )
  if (deployment.app !== app)
    return reject(deployment, 'app-mismatch', `the message is for app ${deployment.app}, its topic for ${app}`, 'app')

  const before = record.accepted?.deployment
  if (before !== undefined && isSameTask(deployment, before)) return { kind: 'known' }
  const seen = Math.max(record.generationSeen, input.generationFloor)
  const isOlder = before !== undefined && compareDeployments(deployment, before) < 0
  if (deployment.generation < seen || isOlder) {
    const message = `generation ${deployment.generation} is older than ${seen}, which was seen already`
    return {
      kind: 'refused',
      outcome: 'stale',
      reason: { code: 'stale', message, path: 'generation' },
      about: deployment,
    }
  }
  return deployment.remove ? { kind: 'accepted', deployment } : judgeAssignment(input, deployment)
}

const isSameTask = (a: Ordered & { readonly remove?: boolean | undefined }, b: AcceptedDeployment): boolean =>
  a.generation === b.generation && (a.remove ? b.remove === true : !b.remove && a.release === b.release)

const judgeAssignment = (input: JudgeInput, deployment: Assigned): Judged => {
  const digest = releaseDigest(deployment)
  if (digest !== deployment.release)
    return reject(
      deployment,
      'release-mismatch',
      `release is ${deployment.release}, its content has ${digest}`,
      'release',
    )
  const validated = validateModel(deployment.compose)
  if (!validated.ok) {
    const fault = validated.faults[0]
    return reject(
      deployment,
      fault?.code ?? 'value-invalid',
      fault?.message ?? 'the model is not valid',
      `compose.${fault?.path ?? ''}`,
    )
  }
  const absent = absentConfig(validated.model, deployment.files)
  if (absent !== undefined) return reject(deployment, 'file-missing', absent.message, absent.path)
  const forbidden =
    policyFault(validated.model, input.policy) ??
    featureFault(validated.model, input.deviceFeatures) ??
    siteFault(validated.model, input.site)
  if (forbidden !== undefined) return { kind: 'refused', outcome: 'rejected', reason: forbidden, about: deployment }
  const reason = claimFault(validated.model, input.others)
  if (reason !== undefined) return { kind: 'refused', outcome: 'conflict', reason, about: deployment }
  return { kind: 'accepted', deployment: { ...deployment, compose: validated.model } }
}

/** Where it does not belong, or what it needs cannot be had: before anything is pulled or stopped. */
const siteFault = (model: Model, site: Site | undefined): Reason | undefined =>
  site === undefined ? undefined : (placementFault(model, site) ?? gpuFault(model, site))

const reject = (about: About, code: Code, message: string, path: string): Refused => ({
  kind: 'refused',
  outcome: 'rejected',
  reason: { code, message, path },
  about,
})

/** A config is a file that the release brings; without it there would be nothing to mount. */
const absentConfig = (
  model: Model,
  files: AcceptedAssignment['files'],
): { readonly message: string; readonly path: string } | undefined => {
  for (const [name, config] of Object.entries(model.configs ?? {})) {
    if (typeof config.file !== 'string' || Object.hasOwn(files, releasePathOf(config.file))) continue
    return {
      message: `config ${name} is the file ${config.file}, which the deployment does not bring`,
      path: `compose.configs.${name}`,
    }
  }
  return undefined
}

/** A deployment that was under way came to nothing: its place is taken. Why it was being rolled back stays known. */
const withSuperseded = ({ record, now, keepReleases }: JudgeInput): AppRecord => {
  const { accepted } = record
  if (accepted === undefined || accepted.verdict !== undefined) return record
  const { reason, log } = accepted.rollback ?? {}
  return withHistory(record, defined({ outcome: 'superseded' as const, reason, log, at: now }), keepReleases)
}

/** A release that proved itself keeps the images it ran with, unless the operator asks the registry each time. */
const imagesToKeep = (record: AppRecord, deployment: AcceptedDeployment): Record<string, string> => {
  if (deployment.remove || deployment.pull === true) return {}
  const { release, compose, keepImages } = deployment
  const images =
    provenImages(record, release) ?? (keepImages === true ? imagesOfFailed(record, release) : undefined) ?? {}
  const asked = new Set(
    Object.values(compose.services).flatMap(({ image, pull_policy }) => (pull_policy === 'always' ? [image] : [])),
  )
  return Object.fromEntries(
    Object.entries(images).filter(([reference]) => keepImages === true || !asked.has(reference)),
  )
}

type Images = Readonly<Record<string, string>>

const provenImages = ({ lastGood, history = [] }: AppRecord, release: string): Images | undefined => {
  if (lastGood?.release === release) return lastGood.images
  return history.find((entry) => entry.release === release && entry.outcome === 'succeeded')?.images
}

/** Of a release that the operator goes back to although it came to nothing: all the same the ones it ran with. */
const imagesOfFailed = ({ history = [] }: AppRecord, release: string): Images | undefined =>
  history.find((entry) => entry.release === release)?.images

/** The same refusal again keeps its time, so that a retained message read twice changes nothing. */
const withRefusal = (record: AppRecord, { outcome, reason, about }: Refused, now: number): AppRecord => {
  const { refused } = record
  const isSame =
    refused !== undefined &&
    refused.reason.code === reason.code &&
    refused.reason.message === reason.message &&
    refused.generation === about?.generation
  if (isSame) return record
  return {
    ...record,
    refused: {
      ...(about === undefined ? {} : { generation: about.generation }),
      ...(about?.release === undefined ? {} : { release: about.release }),
      outcome,
      reason,
      at: now,
    },
  }
}
