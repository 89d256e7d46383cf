/** Puts a deployment on the broker and makes sure that it stays there: a PUBACK proves nothing. */
import {
  type Assignment,
  compareDeployments,
  type Deployment,
  deploymentSchema,
  type Removal,
} from '../protocol/deployment.ts'
import { releaseDigest } from '../protocol/digest.ts'
import { readPayload, writePayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import type { Reported } from '../protocol/reported.ts'
import type { Fleet } from './fleet.ts'
import { readState } from './read-state.ts'

export type DeployInput = {
  readonly device: string
  readonly app: string
  readonly by: string
  /** epoch ms */
  readonly now: number
}

export type Deployed = {
  readonly deployment: Deployment
  /** what the device said about the app before; a wait looks for something newer */
  readonly before: Reported | undefined
  readonly isOnline: boolean | undefined
}

/**
 * Assigns a release. Resolves when the broker is seen to retain it.
 * @throws LongshoreError not-retained, superseded (a newer one is there, by whom the message says), link-down
 */
export const deploy = (fleet: Fleet, content: ReleaseContent, input: DeployInput): Promise<Deployed> =>
  put(fleet, input, { release: releaseDigest(content), ...content })

/** What an operator deploys: the model, the files beside it, and how the device is to take them. */
export type ReleaseContent = Pick<
  Assignment,
  'compose' | 'files' | 'replaceFiles' | 'adopt' | 'pull' | 'keepImages' | 'now'
>

/** Asks for the end of an app, with its named volumes if `volumes` says so. */
export const assignRemoval = (fleet: Fleet, how: RemovalOptions, input: DeployInput): Promise<Deployed> =>
  put(fleet, input, { remove: true, ...how })

export type RemovalOptions = Pick<Removal, 'volumes' | 'now'>

type Content = (ReleaseContent & Pick<Assignment, 'release'>) | ({ readonly remove: true } & RemovalOptions)

const put = async (fleet: Fleet, { device, app, by, now }: DeployInput, content: Content): Promise<Deployed> => {
  const { topics } = fleet
  const retained = await fleet.read([topics.desired(device, app), topics.reported(device, app), topics.status(device)])
  const state = readState(topics, retained).get(device)
  const known = state?.apps.get(app)
  const deployment = {
    schema: 1,
    device,
    app,
    generation: nextGeneration(now, known?.desired, known?.reported),
    ...content,
    issuedAt: now,
    by,
  } as Deployment
  await publishRetained(fleet, deployment)
  return { deployment, before: known?.reported, isOnline: state?.status?.online }
}

/** The greater of the time and one more than anything seen, so that it rises whatever the clocks say. */
export const nextGeneration = (now: number, desired: Deployment | undefined, reported: Reported | undefined): number =>
  Math.max(
    now,
    (desired?.generation ?? 0) + 1,
    (reported?.generation ?? 0) + 1,
    (reported?.refused?.generation ?? 0) + 1,
  )

/** How often it is published before somebody else's lower one, or silence, is taken as the answer. */
const tries = 3

export const publishRetained = async (fleet: Fleet, deployment: Deployment): Promise<void> => {
  const topic = fleet.topics.desired(deployment.device, deployment.app)
  const payload = writePayload(deployment)
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    await fleet.publish(topic, payload, { retain: true })
    const kept = (await fleet.read([topic])).get(topic)
    if (kept?.equals(payload)) return
    const other = kept === undefined ? undefined : readPayload(deploymentSchema, kept, Number.POSITIVE_INFINITY)
    if (other?.ok && compareDeployments(other.value, deployment) > 0)
      throw new LongshoreError(
        'superseded',
        `${deployment.device}: generation ${other.value.generation} by ${other.value.by} took its place`,
      )
  }
  throw new LongshoreError(
    'not-retained',
    `${deployment.device}: the broker acknowledged the deployment but does not keep it on ${topic}`,
  )
}
