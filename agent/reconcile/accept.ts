/**
 * Judges what arrives on `desired/<app>` before anything is stopped: accepted, known already, or refused with a reason.
 * Pure: the record that comes back is to be on disk before the message is acknowledged.
 */
import { validateModel } from '../../src/compose/validate.ts'
import type { Code } from '../../src/protocol/codes.ts'
import {
  type Assignment,
  compareDeployments,
  type Deployment,
  deploymentSchema,
  type Removal,
} from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { readPayload } from '../../src/protocol/payload.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { Refusal } from '../../src/protocol/reported.ts'
import type { AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { claimFault } from './claims.ts'

export type AcceptInput = {
  readonly device: string
  readonly app: string
  readonly payload: Uint8Array
  readonly maxBytes: number
  readonly record: AppRecord
  /** the records of the other apps: what they claim is theirs */
  readonly others: readonly AppRecord[]
  /** the highest generation that this device reported before its state was lost; 0: none */
  readonly generationFloor: number
  /** epoch ms */
  readonly now: number
}

export type Accept =
  | { readonly kind: 'accepted' | 'refused'; readonly record: AppRecord }
  /** the newest accepted deployment once more: nothing is touched, the last report is sent again */
  | { readonly kind: 'known' }

type Refused = {
  readonly kind: 'refused'
  readonly outcome: Refusal
  readonly reason: Reason
  readonly about?: Deployment
}

type Judged =
  | { readonly kind: 'known' }
  | Refused
  | { readonly kind: 'accepted'; readonly deployment: AcceptedDeployment }

type AcceptedDeployment = Removal | AcceptedAssignment

export const accept = (input: AcceptInput): Accept => {
  const { record, now } = input
  const judged = judge(input)
  if (judged.kind === 'known') return judged
  if (judged.kind === 'refused') return { kind: 'refused', record: withRefusal(record, judged, now) }
  const { deployment } = judged
  const { refused: _, ...rest } = record
  return {
    kind: 'accepted',
    record: {
      ...rest,
      generationSeen: Math.max(record.generationSeen, deployment.generation),
      accepted: { deployment, at: now, images: imagesToKeep(record, deployment) },
    },
  }
}

const judge = (input: AcceptInput): Judged => {
  const { record, device, app } = input
  const read = readPayload(deploymentSchema, input.payload, input.maxBytes)
  if (!read.ok) return { kind: 'refused', outcome: 'rejected', reason: read.reason }
  const deployment = read.value
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

const isSameTask = (a: Deployment, b: AcceptedDeployment): boolean =>
  a.generation === b.generation && (a.remove ? b.remove === true : !b.remove && a.release === b.release)

const judgeAssignment = (input: AcceptInput, deployment: Assignment): Judged => {
  const digest = releaseDigest(deployment)
  if (digest !== deployment.release)
    return reject(
      deployment,
      'release-mismatch',
      `release is ${deployment.release}, its content has ${digest}`,
      'release',
    )
  // Better refused than silently left out: what carries files needs an agent that puts them in place.
  if (Object.keys(deployment.files).length > 0)
    return reject(deployment, 'message-invalid', 'this agent does not take files beside the Compose model yet', 'files')
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
  const reason = claimFault(validated.model, input.others)
  if (reason !== undefined) return { kind: 'refused', outcome: 'conflict', reason, about: deployment }
  return { kind: 'accepted', deployment: { ...deployment, compose: validated.model } }
}

const reject = (about: Deployment, code: Code, message: string, path: string): Refused => ({
  kind: 'refused',
  outcome: 'rejected',
  reason: { code, message, path },
  about,
})

/** The same release again keeps the images it ran with, unless the operator asks the registry each time. */
const imagesToKeep = (record: AppRecord, deployment: AcceptedDeployment): Record<string, string> => {
  const before = record.accepted
  if (deployment.remove || before === undefined || before.deployment.remove) return {}
  if (before.deployment.release !== deployment.release || before.verdict?.outcome !== 'succeeded') return {}
  const { services } = before.deployment.compose
  const asked = new Set(
    Object.values(services).flatMap(({ image, pull_policy }) => (pull_policy === 'always' ? [image] : [])),
  )
  return Object.fromEntries(Object.entries(before.images).filter(([reference]) => !asked.has(reference)))
}

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
      ...(about === undefined || about.remove ? {} : { release: about.release }),
      outcome,
      reason,
      at: now,
    },
  }
}
