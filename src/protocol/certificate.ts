/** What a device asks of the authority of its site, and what it is answered: for its first certificate and for later ones. */
import { z } from 'zod'
import { deviceIdSchema, epochMsSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

/** Characters of PEM text: some ten times what a key on P-256 needs. */
const pemSchema = z.string().max(16 * 1024)

export const certificateRequestSchema = z.object({
  schema: z.literal(1),
  at: epochMsSchema,
  request: pemSchema
    .optional()
    .describe('PKCS 10, as PEM text, with the device id as its common name; without it the answer says when to ask'),
})

export const certificateResponseSchema = z.object({
  schema: z.literal(1),
  at: epochMsSchema.describe('by the clock of the broker'),
  device: deviceIdSchema.optional().describe('whom the certificate names'),
  certificate: pemSchema.optional().describe('PEM text'),
  renewInMs: z.int().nonnegative().optional().describe('ask for another one then; 0: now'),
  labels: z.record(z.string(), z.string()).optional().describe('of the token'),
  reason: reasonSchema.optional().describe('why there is none'),
})

export type CertificateRequest = z.infer<typeof certificateRequestSchema>
export type CertificateResponse = z.infer<typeof certificateResponseSchema>
