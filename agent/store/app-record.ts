/** What is kept of one app on disk: what was decided, never what runs. One JSON file an app, written before it is acted on. */
import { z } from 'zod'
import { modelSchema } from '../../src/compose/model.ts'
import { assignmentSchema, removalSchema } from '../../src/protocol/deployment.ts'
import {
  appNameSchema,
  digestSchema,
  epochMsSchema,
  generationSchema,
  releasePathSchema,
} from '../../src/protocol/names.ts'
import { reasonSchema } from '../../src/protocol/reason.ts'
import { outcomes, refusedSchema } from '../../src/protocol/reported.ts'

/** The number in every file; a change of the format raises it and leaves a fixture of the old one in the tests. */
export const appRecordFormat = 1

const imagesSchema = z.record(z.string(), z.string()).describe('image ids by reference, resolved once a generation')

/** Contents lie beside, by digest: a record is written often, and flash wears out. */
const filesSchema = z.record(releasePathSchema, z.object({ sha256: z.string(), mode: z.string() }))

/**
 * What the agent last wrote to writable files, by path: the digest of the content, and after a `#` the generation that
 * had it written again over another one.
 */
const writtenSchema = z.record(z.string(), z.string())

/** What is done about a writable file of the release; decided once a generation. `written`: see above, afterwards. */
const fileDecisionSchema = z.object({
  action: z.enum(['write', 'keep', 'remove']),
  /** the digest that was found on the device; null: there was no file */
  found: z.string().nullable(),
  written: z.string().optional(),
})

const assignedSchema = assignmentSchema.extend({ files: filesSchema })
const acceptedAssignmentSchema = assignedSchema.extend({ compose: modelSchema })

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
      files: z.record(z.string(), fileDecisionSchema).optional(),
      /** what it came to; absent while under way */
      verdict: z.object({ outcome: z.enum(outcomes), reason: reasonSchema.optional(), at: epochMsSchema }).optional(),
    })
    .optional(),
  lastGood: z
    .object({
      generation: generationSchema,
      release: digestSchema,
      compose: modelSchema,
      images: imagesSchema,
      files: filesSchema.optional(),
      written: writtenSchema.optional(),
    })
    .optional(),
  written: writtenSchema.optional(),
  /**
   * What decisions of a superseded deployment may have come to before that was stored, by path: what they were to
   * write; null: they were to remove the file. Found just so on the device, nobody else changed it.
   */
  maybeWritten: z.record(z.string(), z.string().nullable()).optional(),
  /** by name: of a Compose project that the app took over; they have none of our labels */
  adopted: z
    .object({
      networks: z.array(z.string()),
      volumes: z.array(z.string()),
      /** the generation that took over all there was */
      completed: generationSchema.optional(),
    })
    .optional(),
  refused: refusedSchema.optional(),
})

export type AppRecord = z.infer<typeof appRecordSchema>
export type Accepted = NonNullable<AppRecord['accepted']>
/** An assignment whose files are named by digest, before its model was looked at. */
export type Assigned = z.infer<typeof assignedSchema>
export type AcceptedAssignment = z.infer<typeof acceptedAssignmentSchema>
export type FileDecision = z.infer<typeof fileDecisionSchema>
export type LastGood = NonNullable<AppRecord['lastGood']>
export type Verdict = NonNullable<Accepted['verdict']>
export type Refused = NonNullable<AppRecord['refused']>

export const emptyRecord = (app: string): AppRecord => ({ format: appRecordFormat, app, generationSeen: 0 })

/** The digests of all contents that some records still need: of the newest release, and of the last good one. */
export const neededContents = (records: readonly AppRecord[]): Set<string> =>
  new Set(
    records.flatMap(({ accepted, lastGood }) => {
      const newest = accepted === undefined || accepted.deployment.remove ? {} : accepted.deployment.files
      return [...Object.values(newest), ...Object.values(lastGood?.files ?? {})].map(({ sha256 }) => sha256)
    }),
  )
