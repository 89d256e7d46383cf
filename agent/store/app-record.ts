/** What is kept of one app on disk: what was decided, never what runs. One JSON file an app, written before it is acted on. */
import { z } from 'zod'
import { modelSchema } from '../../src/compose/model.ts'
import { assignmentSchema, removalSchema } from '../../src/protocol/deployment.ts'
import { appNameSchema, digestSchema, epochMsSchema, generationSchema } from '../../src/protocol/names.ts'
import { reasonSchema } from '../../src/protocol/reason.ts'
import { outcomes, refusedSchema } from '../../src/protocol/reported.ts'

/** The number in every file; a change of the format raises it and leaves a fixture of the old one in the tests. */
export const appRecordFormat = 1

const imagesSchema = z.record(z.string(), z.string()).describe('image ids by reference, resolved once a generation')

const acceptedAssignmentSchema = assignmentSchema.extend({ compose: modelSchema })

export const appRecordSchema = z.object({
  format: z.literal(appRecordFormat),
  app: appNameSchema,
  /** of everything ever accepted, also after a removal */
  generationSeen: z.int().nonnegative(),
  accepted: z
    .object({
      deployment: z.union([removalSchema, acceptedAssignmentSchema]),
      at: epochMsSchema,
      images: imagesSchema,
      /** what it came to; absent while under way */
      verdict: z.object({ outcome: z.enum(outcomes), reason: reasonSchema.optional(), at: epochMsSchema }).optional(),
    })
    .optional(),
  lastGood: z
    .object({ generation: generationSchema, release: digestSchema, compose: modelSchema, images: imagesSchema })
    .optional(),
  refused: refusedSchema.optional(),
})

export type AppRecord = z.infer<typeof appRecordSchema>
export type Accepted = NonNullable<AppRecord['accepted']>
export type AcceptedAssignment = z.infer<typeof acceptedAssignmentSchema>
export type Verdict = NonNullable<Accepted['verdict']>
export type Refused = NonNullable<AppRecord['refused']>

export const emptyRecord = (app: string): AppRecord => ({ format: appRecordFormat, app, generationSeen: 0 })
