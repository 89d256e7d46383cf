/** `<device>/desired/<app>`: what an operator wants of an app on a device. Retained, QoS 1. */
import { z } from 'zod'
import {
  appNameSchema,
  deviceIdSchema,
  digestSchema,
  epochMsSchema,
  generationSchema,
  releasePathSchema,
} from './names.ts'

const addressed = {
  schema: z.literal(1),
  device: deviceIdSchema,
  app: appNameSchema,
  generation: generationSchema,
  issuedAt: epochMsSchema,
  by: z.string().max(200).describe('who deployed it, for people to read'),
}

const releaseFileSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  mode: z.string().regex(/^0[0-7]{3}$/, 'must be four octal digits, as in 0644'),
  content: z.base64(),
})

/** Assigns a release. The Compose model in it is validated by `src/compose/model.ts`, which knows the keys. */
export const assignmentSchema = z
  .looseObject({
    ...addressed,
    remove: z.literal(false).optional(),
    release: digestSchema,
    compose: z.record(z.string(), z.unknown()),
    files: z.record(releasePathSchema, releaseFileSchema).describe('by path in the project folder'),
    replaceFiles: z
      .boolean()
      .optional()
      .describe('writable files that were changed on the device are replaced all the same'),
    pull: z.boolean().optional().describe('every image is asked for once, as with pull_policy: always'),
    keepImages: z.boolean().optional().describe('the images that the device ran this release with are used again'),
    now: z.boolean().optional().describe('windows, locks and holds do not keep it waiting'),
    adopt: z
      .boolean()
      .optional()
      .describe('takes over volumes, networks and containers of a Compose project of the same name'),
  })
  .meta({ id: 'Assignment' })

/** Removes the app; its named volumes stay unless `volumes` says otherwise. */
export const removalSchema = z
  .looseObject({ ...addressed, remove: z.literal(true), volumes: z.boolean().optional(), now: z.boolean().optional() })
  .meta({ id: 'Removal' })

export const deploymentSchema = z.union([removalSchema, assignmentSchema]).meta({ id: 'Deployment' })

export type ReleaseFile = z.infer<typeof releaseFileSchema>
export type Assignment = z.infer<typeof assignmentSchema>
export type Removal = z.infer<typeof removalSchema>
export type Deployment = z.infer<typeof deploymentSchema>

/** What the order of deployments is made of. */
export type Ordered = Pick<Removal, 'generation' | 'issuedAt'> & { readonly release?: string }

/** The order of deployments, the same everywhere: generation, then issuedAt, then release. Negative: a before b. */
export const compareDeployments = (a: Ordered, b: Ordered): number =>
  a.generation - b.generation || a.issuedAt - b.issuedAt || compareText(a.release ?? '', b.release ?? '')

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
