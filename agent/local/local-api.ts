/** What `longshore load` may ask of the agent on the same machine: the path of a deployment, without a broker. */
import type { Readable } from 'node:stream'
import type { Bundle } from '../../src/protocol/bundle.ts'
import type { Judgement } from '../../src/protocol/local.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'
import type { Refusal, Reported } from '../../src/protocol/reported.ts'
import type { WithinSpace } from '../disk/within-space.ts'
import type { Engine } from '../engine/engine.ts'
import type { Accept } from '../reconcile/accept.ts'
import type { Reporter } from '../reconcile/reporter.ts'
import { type AppRecord, emptyRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { localDeployment, platformFault } from './local-deployment.ts'

/** Given the payload of a deployment, and the ids of images that came with it. */
export type Judge<T> = (app: string, payload: Uint8Array, images: Readonly<Record<string, string>>) => T

export type LocalApiInput = {
  readonly device: string
  readonly engine: Engine
  readonly withinSpace: WithinSpace
  readonly store: Store
  readonly reporter: Reporter
  readonly generationFloor: (app: string) => number
  /** What would become of a deployment; changes nothing. */
  readonly foresee: Judge<Promise<Accept>>
  /** The same path as that of a deployment from the broker: on disk when it resolves. */
  readonly receive: Judge<Promise<Accept>>
  /** Images that came with a bundle may be removed again when nobody needs them. */
  readonly remember: (images: readonly { readonly id: string; readonly reference: string }[]) => Promise<void>
  readonly nowMs: () => number
}

export type LocalApi = {
  /** What would become of a bundle, before its images are loaded. */
  readonly check: (bundle: Bundle) => Promise<Judgement>
  /**
   * @param archiveBytes how long the archive is; 0: unknown
   * @throws LongshoreError disk-full, image-load-failed, engine-unreachable
   */
  readonly loadImages: (archive: Readable, archiveBytes: number, signal: AbortSignal) => Promise<void>
  /** The image came, or is to come, with a bundle that is not deployed yet: it stands in no record. */
  readonly isAwaited: (id: string) => boolean
  /** Deploys a bundle whose images are on the engine. @throws LongshoreError bundle-invalid where one is not */
  readonly deploy: (bundle: Bundle) => Promise<Judgement>
  /** @throws LongshoreError app-unknown */
  readonly reported: (app: string) => Reported
}

export const createLocalApi = (input: LocalApiInput): LocalApi => {
  const { device, engine, withinSpace, store, reporter, nowMs } = input

  /** the images of bundles that were checked and are yet to be deployed, by id; `isNew`: it was not on the device then */
  const awaited = new Map<string, { readonly reference: string; readonly isNew: boolean }>()

  const deploymentOf = (bundle: Bundle) => {
    const { app } = bundle
    const record = store.app(app) ?? emptyRecord(app)
    return localDeployment(bundle, { device, record, generationFloor: input.generationFloor(app), now: nowMs() })
  }

  const missingImages = async ({ images }: Bundle): Promise<string[]> => {
    const found = await Promise.all(Object.values(images).map(({ id }) => engine.image(id)))
    return Object.keys(images).filter((_, index) => found[index] === undefined)
  }

  const idsOf = ({ images }: Bundle): Record<string, string> =>
    Object.fromEntries(Object.entries(images).map(([reference, { id }]) => [reference, id]))

  return {
    check: async (bundle) => {
      const { generation, ...deployment } = deploymentOf(bundle)
      const judged = await input.foresee(bundle.app, writePayload({ generation, ...deployment }), idsOf(bundle))
      const missing = await missingImages(bundle)
      for (const [reference, id] of Object.entries(idsOf(bundle)))
        awaited.set(id, { reference, isNew: missing.includes(reference) || awaited.get(id)?.isNew === true })
      const answer = { device, generation, kind: judged.kind, missing }
      if (judged.kind === 'refused') return { ...answer, ...refusalOf(judged.record) }
      const reason = platformFault(bundle, await engine.facts())
      return reason === undefined ? answer : { ...answer, ...refused('rejected', reason) }
    },
    loadImages: async (archive, archiveBytes, signal) => {
      // Beforehand: it may be broken off anywhere, and what came by then is ours all the same.
      await input.remember([...awaited].flatMap(([id, { reference, isNew }]) => (isNew ? [{ id, reference }] : [])))
      // An engine writes the archive down before it takes the layers out; how many of those it has is not known.
      await withinSpace('loading images', (_, within) => engine.loadImages(archive, within), {
        signal,
        leastBytes: archiveBytes,
      })
    },
    deploy: async (bundle) => {
      const missing = await missingImages(bundle)
      if (missing.length > 0)
        throw new LongshoreError(
          'bundle-invalid',
          `its archive does not bring, by the id in its bundle.json: ${missing.join(', ')}`,
        )
      const reason = platformFault(bundle, await engine.facts())
      const deployment = deploymentOf(bundle)
      const answer = { device, generation: deployment.generation, missing }
      if (reason !== undefined) return { ...answer, ...refused('rejected', reason) }
      const judged = await input.receive(bundle.app, writePayload(deployment), idsOf(bundle))
      for (const id of Object.values(idsOf(bundle))) awaited.delete(id)
      return judged.kind === 'refused' ? { ...answer, ...refusalOf(judged.record) } : { ...answer, kind: judged.kind }
    },
    isAwaited: (id) => awaited.has(id),
    reported: (app) => {
      const message = reporter.message(app)
      if (message === undefined) throw new LongshoreError('app-unknown', `nothing was reported of app ${app}`)
      return message
    },
  }
}

const refused = (outcome: Refusal, reason: Reason) => ({ kind: 'refused' as const, outcome, reason })

const refusalOf = ({ refused }: AppRecord) => ({
  kind: 'refused' as const,
  ...(refused && { outcome: refused.outcome, reason: refused.reason }),
})
