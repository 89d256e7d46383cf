/** `<device>/secret/<app>`: secrets by name, each sealed for this device alone. Retained, QoS 1. */
import { z } from 'zod'
import { deviceIdSchema, digestSchema, epochMsSchema, secretNameSchema, secretScopeSchema } from './names.ts'

export const sealedSecretSchema = z
  .looseObject({
    age: z.base64().min(1).describe('an age file (https://age-encryption.org/v1) in base64'),
    at: epochMsSchema.describe('when it was set'),
  })
  .meta({ id: 'SealedSecret' })

/** `app` may be `_registry`: then a name is the host of a registry and the value `user:password`. */
export const secretsSchema = z
  .looseObject({
    schema: z.literal(1),
    device: deviceIdSchema,
    app: secretScopeSchema,
    issuedAt: epochMsSchema.describe('rises with every change'),
    replaces: digestSchema
      .optional()
      .describe('SHA-256 of the payload that this one was made from: what stood there and is missing here was removed'),
    by: z.string().max(200).describe('who changed them last, for people to read'),
    secrets: z.record(secretNameSchema, sealedSecretSchema),
  })
  .meta({ id: 'Secrets' })

export type SealedSecret = z.infer<typeof sealedSecretSchema>
export type Secrets = z.infer<typeof secretsSchema>

/** The longest value of one secret, before it is sealed. */
export const maxSecretBytes = 64 * 1024
