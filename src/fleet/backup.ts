/**
 * The fleet's desired state as lines of JSON, and back: the broker is the only database, and this is its backup. Secrets
 * are in it as they are on the broker, sealed for their device: no backup holds a value.
 */
import { z } from 'zod'
import { type Deployment, deploymentSchema } from '../protocol/deployment.ts'
import { releaseDigest } from '../protocol/digest.ts'
import { describeIssue } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type Secrets, secretsSchema } from '../protocol/secret.ts'
import { nextGeneration, publishRetained } from './deploy.ts'
import type { Fleet } from './fleet.ts'
import { readState } from './read-state.ts'
import { listSecrets, restoreSecrets } from './secrets.ts'

const lineSchema = z.union([z.object({ desired: deploymentSchema }), z.object({ secrets: secretsSchema })])

export type BackupLine = { readonly desired: Deployment } | { readonly secrets: Secrets }

export type Backup = {
  /** first the secrets, which deployments may wait for; each sorted by device and app */
  readonly lines: readonly BackupLine[]
  /** secrets that are on the broker and cannot be read, and so are not in the backup */
  readonly faults: readonly LongshoreError[]
}

export const exportFleet = async (fleet: Fleet, devices: readonly string[]): Promise<Backup> => {
  const filters = devices.length === 0 ? ['+'] : devices
  const state = readState(fleet.topics, await fleet.read(filters.map((device) => fleet.topics.desired(device, '+'))))
  const secrets = await listSecrets(fleet, filters)
  const deployments = [...state.values()].flatMap(({ apps }) =>
    [...apps.values()].flatMap(({ desired }) => (desired === undefined ? [] : [{ desired }])),
  )
  return { lines: [...secrets.found.map((one) => ({ secrets: one })), ...deployments], faults: secrets.faults }
}

/** Reads a backup whole before anything is published. @throws LongshoreError value-invalid with the line at fault */
export const readBackup = (text: string, file: string): BackupLine[] =>
  text.split('\n').flatMap((line, index): BackupLine[] => {
    if (line.trim() === '') return []
    const fault = (message: string): LongshoreError =>
      new LongshoreError('value-invalid', message, { place: { file, line: index + 1 } })
    let json: unknown
    try {
      json = JSON.parse(line)
    } catch (error) {
      throw fault(`the line is not JSON: ${(error as Error).message}`)
    }
    const parsed = lineSchema.safeParse(json)
    if (!parsed.success) throw fault(describeIssue(parsed.error).message)
    if ('secrets' in parsed.data) return [parsed.data]
    const { desired } = parsed.data
    if (!desired.remove && releaseDigest(desired) !== desired.release)
      throw fault('release is not the digest of the content')
    return [{ desired }]
  })

/** Publishes each deployment under a generation above anything that the broker or the device has seen. */
export const importDeployment = async (fleet: Fleet, deployment: Deployment, now: number): Promise<Deployment> => {
  const { device, app } = deployment
  const { topics } = fleet
  const state = readState(topics, await fleet.read([topics.desired(device, app), topics.reported(device, app)])).get(
    device,
  )
  const known = state?.apps.get(app)
  const raised: Deployment = {
    ...deployment,
    generation: Math.max(deployment.generation, nextGeneration(now, known?.desired, known?.reported)),
    issuedAt: now,
  }
  await publishRetained(fleet, raised)
  return raised
}

/** Puts the ciphertexts of a backup back; names that are not in it stay. */
export const importSecrets = (fleet: Fleet, { device, app, secrets }: Secrets, by: string, now: number) =>
  restoreSecrets(fleet, { device, app, secrets, by, now })
