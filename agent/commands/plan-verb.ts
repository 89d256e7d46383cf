/** The verb `plan`: what a model would do on this device, from its real state, changing nothing. */
import { z } from 'zod'
import { defined } from '../../src/defined.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { appNameSchema, releasePathSchema, secretNameSchema } from '../../src/protocol/names.ts'
import { describeIssue } from '../../src/protocol/payload.ts'
import type { DeviceFeatures } from '../allot/device-features.ts'
import type { Site } from '../allot/site.ts'
import type { DeviceKeeper } from '../devices/device-keeper.ts'
import type { Engine } from '../engine/engine.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import type { PolicyInForce } from '../policy/policy-in-force.ts'
import { acceptRead } from '../reconcile/accept.ts'
import { isAdopting } from '../reconcile/adopt.ts'
import { foresee } from '../reconcile/foresee.ts'
import { gather } from '../reconcile/gather.ts'
import { emptyMemory } from '../reconcile/memory.ts'
import type { Observed } from '../reconcile/observed.ts'
import { isOfFiles, operationText } from '../reconcile/operation.ts'
import type { Gate } from '../reconcile/plan-contract.ts'
import type { KeptFile } from '../reconcile/plan-files.ts'
import { type AppRecord, type Assigned, emptyRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import type { Owner } from '../translate/engine-names.ts'
import type { Verb } from './verb.ts'

export type PlanVerbInput = {
  readonly owner: Owner
  readonly policy: () => PolicyInForce
  readonly store: Store
  readonly engine: Pick<Engine, 'image' | 'facts'>
  readonly files: Pick<ProjectFiles, 'observe' | 'paths'>
  readonly secretVersions: (app: string) => Readonly<Record<string, string>>
  readonly observe: (app: string, withProject?: boolean) => Promise<Observed>
  readonly hardware: DeviceKeeper['hardware']
  readonly deviceFeatures: () => DeviceFeatures
  readonly site: () => Promise<Site | undefined>
  readonly gates: (record: AppRecord) => Promise<readonly Gate[]>
}

/** Files by digest: what they say does not matter to a plan, and a command must stay small. */
const argsSchema = z.object({
  app: appNameSchema,
  compose: z.record(z.string(), z.unknown()),
  files: z.record(releasePathSchema, z.object({ sha256: z.string(), mode: z.string() })).default({}),
  /** names of secrets that would be set with the deployment */
  givenSecrets: z.array(secretNameSchema).default([]),
  replaceFiles: z.boolean().optional(),
  adopt: z.boolean().optional(),
  now: z.boolean().optional(),
})

/** What `plan` answers with. `operations` are lines of plan text. */
export type PlanResult = {
  readonly operations: string[]
  readonly pulls: string[]
  readonly waits: string[]
  readonly kept: string[]
}

export const planVerb =
  ({
    owner,
    policy,
    store,
    engine,
    files: projectFiles,
    secretVersions,
    observe,
    hardware,
    deviceFeatures,
    site: readSite,
    gates,
  }: PlanVerbInput): Verb =>
  async (args) => {
    const parsed = argsSchema.safeParse(args)
    if (!parsed.success)
      return { outcome: 'refused', reason: { code: 'message-invalid', ...describeIssue(parsed.error) } }
    const { app, givenSecrets, ...content } = parsed.data
    const record = store.app(app) ?? emptyRecord(app)
    // Judged exactly as a deployment would be, as the one after the newest that was seen.
    const generation = record.generationSeen + 1
    const assigned = {
      schema: 1 as const,
      device: owner.agent,
      app,
      generation,
      release: releaseDigest(content),
      ...content,
      issuedAt: 0,
      by: 'plan',
    }
    const site = await readSite()
    const judging = defined({
      device: owner.agent,
      app,
      record,
      others: store.apps().filter((other) => other.app !== app),
      generationFloor: 0,
      policy: policy(),
      deviceFeatures: deviceFeatures(),
      now: 0,
      keepReleases: 0,
      site,
    })
    const judged = acceptRead(judging, assigned as Assigned)
    if (judged.kind !== 'accepted') {
      const refused = judged.kind === 'refused' ? judged.record.refused : undefined
      const reason = refused?.reason ?? { code: 'internal-error', message: `a plan was judged ${judged.kind}` }
      return { outcome: 'refused', reason }
    }
    const { accepted } = judged.record
    const model = accepted === undefined || accepted.deployment.remove ? undefined : accepted.deployment.compose
    const observed = defined({
      ...(await observe(app, isAdopting(judged.record))),
      hardware: await hardware(app, model),
      site,
    })
    const gathered = await gather({
      owner,
      engine,
      files: projectFiles,
      record: judged.record,
      observed,
      secretVersions: { ...Object.fromEntries(givenSecrets.map((name) => [name, 'given'])), ...secretVersions(app) },
    })
    const foreseen = foresee({ ...gathered, gates: [], pulls: {}, memory: emptyMemory(generation), now: 0 })
    // What it would do is told all the same, and beside it what it would wait for first.
    const isTouching = foreseen.operations.some((operation) => !isOfFiles(operation))
    const waits = [...(isTouching ? await gates(judged.record) : []).map(({ reason }) => reason), ...foreseen.waits]
    const result: PlanResult = {
      operations: foreseen.operations.map(operationText),
      pulls: [...foreseen.pulls],
      waits: waits.map(({ message }) => message),
      kept: foreseen.kept.map(keptText),
    }
    return { outcome: 'done', result }
  }

const keptText = ({ path, device, release }: KeptFile): string =>
  `file-kept ./${path}: ${short(device)} on the device, ${short(release)} in the release`

const short = (digest: string | null): string => digest?.slice(0, 12) ?? 'none'
