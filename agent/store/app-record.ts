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

const fileDecisionsSchema = z.record(z.string(), fileDecisionSchema)

/** A release with all that it takes to run it again, just as it ran. */
const keptReleaseSchema = z.object({
  generation: generationSchema,
  release: digestSchema,
  compose: modelSchema,
  images: imagesSchema,
  files: filesSchema.optional(),
})

const logSchema = z.array(z.string()).describe('the last lines of the container that it failed on')

/** What a deployment came to, with its release: newest first, and one entry a release. */
const historyEntrySchema = keptReleaseSchema.extend({
  outcome: z.enum(outcomes),
  reason: reasonSchema.optional(),
  log: logSchema.optional(),
  at: epochMsSchema,
  by: z.string().optional(),
})

/** Epoch ms; absent: until somebody takes it back. */
const untilSchema = epochMsSchema.optional()

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
      files: fileDecisionsSchema.optional(),
      /**
       * From here on it touches what runs: windows, locks and holds are over. `faulty`: containers of the release before
       * that were not as they should be already, by the key of their view; what does not change of them is not judged.
       */
      begun: z.object({ at: epochMsSchema, faulty: z.array(z.string()) }).optional(),
      /** it failed, and the last good release is put back in its place */
      rollback: z
        .object({
          reason: reasonSchema,
          log: logSchema.optional(),
          at: epochMsSchema,
          files: fileDecisionsSchema.optional(),
        })
        .optional(),
      /** what it came to; absent while under way */
      verdict: z
        .object({
          outcome: z.enum(outcomes),
          reason: reasonSchema.optional(),
          log: logSchema.optional(),
          at: epochMsSchema,
          /** `failure_action: pause`: what was not replaced by then is left as it is */
          isPaused: z.boolean().optional(),
        })
        .optional(),
    })
    .optional(),
  lastGood: keptReleaseSchema.extend({ written: writtenSchema.optional() }).optional(),
  history: z.array(historyEntrySchema).optional(),
  /** jobs that ended with exit code 0, newest first: such a one is done, also when its container is gone */
  completedJobs: z.array(z.object({ service: z.string(), digest: z.string(), at: epochMsSchema })).optional(),
  /** by the operator, over restarts and updates; a service under `*` is the whole app */
  stopped: z.record(z.string(), z.object({ at: epochMsSchema, by: z.string() })).optional(),
  /** no deployment touches what runs */
  hold: z.object({ at: epochMsSchema, by: z.string(), until: untilSchema, reason: z.string().optional() }).optional(),
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
  /** what events have told of by now, so that an agent that was killed in between tells it yet */
  told: z
    .object({
      generation: generationSchema.optional(),
      release: digestSchema.nullable().optional(),
      outcome: z.enum(outcomes).optional(),
      isDegraded: z.boolean().optional(),
      refusedAt: epochMsSchema.optional(),
    })
    .optional(),
})

export type AppRecord = z.infer<typeof appRecordSchema>
export type Accepted = NonNullable<AppRecord['accepted']>
/** An assignment whose files are named by digest, before its model was looked at. */
export type Assigned = z.infer<typeof assignedSchema>
export type AcceptedAssignment = z.infer<typeof acceptedAssignmentSchema>
export type FileDecision = z.infer<typeof fileDecisionSchema>
export type LastGood = NonNullable<AppRecord['lastGood']>
export type HistoryEntry = NonNullable<AppRecord['history']>[number]
export type CompletedJob = NonNullable<AppRecord['completedJobs']>[number]
export type Rollback = NonNullable<Accepted['rollback']>
export type Verdict = NonNullable<Accepted['verdict']>
export type Refused = NonNullable<AppRecord['refused']>

export const emptyRecord = (app: string): AppRecord => ({ format: appRecordFormat, app, generationSeen: 0 })

/** The digests of all contents that some records still need: of the newest release, the last good one, and older ones. */
export const neededContents = (records: readonly AppRecord[]): Set<string> =>
  new Set(
    records.flatMap(({ accepted, lastGood, history = [] }) => {
      const newest = accepted === undefined || accepted.deployment.remove ? {} : accepted.deployment.files
      const all = [newest, lastGood?.files, ...history.map(({ files }) => files)]
      return all.flatMap((files) => Object.values(files ?? {})).map(({ sha256 }) => sha256)
    }),
  )
