/** `bundle.json`, the first file in a bundle: a release and which images it runs, for a device that no broker reaches. */
import { z } from 'zod'
import { releaseFilesSchema } from './deployment.ts'
import { appNameSchema, digestSchema, epochMsSchema } from './names.ts'

/** A reader of another format number must not guess. */
export const bundleFormat = 1

/** So much of a file or a request is read as `bundle.json`; a device judges the deployment in it by its own limit. */
export const longestManifestBytes = 16 * 1024 * 1024

const platformSchema = z
  .string()
  .regex(/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/, 'must be as linux/arm64 or linux/arm/v7')

export const bundleSchema = z
  .looseObject({
    format: z.literal(bundleFormat),
    app: appNameSchema,
    release: digestSchema,
    compose: z.record(z.string(), z.unknown()),
    files: releaseFilesSchema,
    platform: platformSchema.describe('what its images are for, where a service does not name another one'),
    images: z
      .record(z.string().min(1), z.object({ id: digestSchema, platform: platformSchema }))
      .describe('by the reference in the Compose model'),
    createdAt: epochMsSchema,
    by: z.string().max(200).describe('who made it, for people to read'),
  })
  .meta({ id: 'Bundle' })

export type Bundle = z.infer<typeof bundleSchema>
