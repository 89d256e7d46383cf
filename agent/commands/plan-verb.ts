/** The verb `plan`: what a model would do on this device, from its real state, changing nothing. */
import { z } from 'zod'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { appNameSchema } from '../../src/protocol/names.ts'
import { describeIssue } from '../../src/protocol/payload.ts'
import type { Engine } from '../engine/engine.ts'
import { accept } from '../reconcile/accept.ts'
import { foresee } from '../reconcile/foresee.ts'
import { emptyMemory } from '../reconcile/memory.ts'
import type { Observed } from '../reconcile/observed.ts'
import { operationText } from '../reconcile/operation.ts'
import { imagesToLookUp } from '../reconcile/plan-images.ts'
import { emptyRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import type { Owner } from '../translate/engine-names.ts'
import type { Verb } from './commands.ts'

export type PlanVerbInput = {
  readonly owner: Owner
  readonly store: Store
  readonly engine: Pick<Engine, 'imageId'>
  readonly observe: (app: string) => Promise<Observed>
  readonly maxBytes: number
}

const argsSchema = z.object({ app: appNameSchema, compose: z.record(z.string(), z.unknown()) })

/** What `plan` answers with. `operations` are lines of plan text. */
export type PlanResult = { readonly operations: string[]; readonly pulls: string[]; readonly waits: string[] }

export const planVerb =
  ({ owner, store, engine, observe, maxBytes }: PlanVerbInput): Verb =>
  async (args) => {
    const parsed = argsSchema.safeParse(args)
    if (!parsed.success)
      return { outcome: 'refused', reason: { code: 'message-invalid', ...describeIssue(parsed.error) } }
    const { app, compose } = parsed.data
    const record = store.app(app) ?? emptyRecord(app)
    // Judged exactly as a deployment would be, as the one after the newest that was seen.
    const generation = record.generationSeen + 1
    const deployment = {
      schema: 1,
      device: owner.agent,
      app,
      generation,
      release: releaseDigest({ compose, files: {} }),
      compose,
      files: {},
      issuedAt: 0,
      by: 'plan',
    }
    const judged = accept({
      device: owner.agent,
      app,
      payload: Buffer.from(JSON.stringify(deployment)),
      maxBytes,
      record,
      others: store.apps().filter((other) => other.app !== app),
      generationFloor: 0,
      now: 0,
    })
    if (judged.kind !== 'accepted') {
      const refused = judged.kind === 'refused' ? judged.record.refused : undefined
      const reason = refused?.reason ?? { code: 'internal-error', message: `a plan was judged ${judged.kind}` }
      return { outcome: 'refused', reason }
    }
    const observed = await observe(app)
    const { accepted } = judged.record
    const images = Object.fromEntries(
      await Promise.all(
        (accepted === undefined ? [] : imagesToLookUp(accepted, observed)).map(
          async (reference) => [reference, (await engine.imageId(reference)) ?? null] as const,
        ),
      ),
    )
    const foreseen = foresee({
      owner,
      record: judged.record,
      observed,
      images,
      pulls: {},
      memory: emptyMemory(generation),
      now: 0,
    })
    const result: PlanResult = {
      operations: foreseen.operations.map(operationText),
      pulls: [...foreseen.pulls],
      waits: foreseen.waits.map(({ message }) => message),
    }
    return { outcome: 'done', result }
  }
