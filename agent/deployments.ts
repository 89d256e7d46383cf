/** Takes deployments in, over the broker or on the device itself: judged, on disk, told, and only then acted on. */
import type { Logger } from 'pino'
import type { DeviceFeatures } from './allot/device-features.ts'
import type { Site } from './allot/site.ts'
import type { ProjectFiles } from './files/project-files.ts'
import type { PolicyInForce } from './policy/policy-in-force.ts'
import { type Accept, accept } from './reconcile/accept.ts'
import { reportBody } from './reconcile/report.ts'
import type { Reporter } from './reconcile/reporter.ts'
import { type Accepted, type AppRecord, emptyRecord, neededContents } from './store/app-record.ts'
import type { Store } from './store/store.ts'
import type { Owner } from './translate/engine-names.ts'

export type DeploymentsInput = {
  readonly owner: Owner
  readonly maxBytes: number
  readonly keepReleases: number
  readonly store: Pick<Store, 'app' | 'apps' | 'updateApp'>
  readonly files: Pick<ProjectFiles, 'keep'>
  readonly policy: () => PolicyInForce
  readonly deviceFeatures: () => DeviceFeatures
  readonly site: () => Promise<Site>
  readonly secretVersions: (app: string) => Readonly<Record<string, string>>
  /** the highest generation that this device is known to have reported of an app */
  readonly generationFloor: (app: string) => number
  readonly reporter: Pick<Reporter, 'tell' | 'last' | 'repeat' | 'clear'>
  readonly look: (app: string) => void
  readonly nowMs: () => number
  readonly log: Logger
}

export type Deployments = {
  /** What stands on `desired/<app>`; resolves when it is on disk. @throws when it could not be written */
  readonly onDesired: (app: string, payload: Uint8Array) => Promise<void>
  /** How a deployment would be judged now; changes nothing. `images` came to the device with it. */
  readonly foresee: (app: string, payload: Uint8Array, images: Accepted['images']) => Promise<Accept>
  /** Judges a deployment and has it on disk before it resolves. */
  readonly receive: (app: string, payload: Uint8Array, images: Accepted['images']) => Promise<Accept>
}

export const createDeployments = (input: DeploymentsInput): Deployments => {
  const { owner, store, files, reporter, look, nowMs, log } = input

  const judge = (
    app: string,
    payload: Uint8Array,
    { record, images, site }: { record: AppRecord; images: Accepted['images']; site: Site },
  ): Accept =>
    accept({
      device: owner.agent,
      app,
      payload,
      maxBytes: input.maxBytes,
      record,
      others: store.apps().filter((other) => other.app !== app),
      generationFloor: input.generationFloor(app),
      policy: input.policy(),
      deviceFeatures: input.deviceFeatures(),
      site,
      images,
      now: nowMs(),
      keepReleases: input.keepReleases,
    })

  const receive: Deployments['receive'] = async (app, payload, images) => {
    const site = await input.site()
    const before = store.app(app) ?? emptyRecord(app)
    const foreseen = judge(app, payload, { record: before, images, site })
    // Contents first: a record on disk that names what is not there could never be carried out.
    if (foreseen.kind === 'accepted' && foreseen.contents.size > 0)
      await files.keep(app, foreseen.contents, neededContents([before, foreseen.record]))
    let judged: Accept = { kind: 'known' }
    // Judged on the newest record and written in one step: a turn may be storing what it decided at the same time.
    const record = await store.updateApp(app, (current) => {
      judged = judge(app, payload, { record: current, images, site })
      if (!('record' in judged)) return current
      // What was reported before the record was lost is known to the broker alone, and the next report replaces it there.
      const generationSeen = Math.max(judged.record.generationSeen, input.generationFloor(app))
      return { ...judged.record, generationSeen }
    })
    tell(app, judged.kind, record)
    return judged
  }

  const tell = (app: string, kind: Accept['kind'], record: AppRecord): void => {
    switch (kind) {
      case 'known':
        reporter.repeat(app)
        return
      case 'accepted': {
        log.info({ app, generation: record.generationSeen }, 'deployment accepted')
        const last = reporter.last(app)
        const secretVersions = input.secretVersions(app)
        const body = reportBody({ now: nowMs(), owner, record, secretVersions, plan: { phase: 'accepted', waits: [] } })
        reporter.tell({ ...body, running: last?.running ?? null, services: last?.services ?? {} })
        look(app)
        return
      }
      case 'refused':
        log.warn({ app, ...record.refused }, 'deployment refused')
        look(app)
        reporter.repeat(app)
        return
    }
  }

  return {
    onDesired: async (app, payload) => {
      if (payload.byteLength > 0) {
        await receive(app, payload, {})
        return
      }
      // No instruction changes nothing; of an app that was removed there is then nothing left to say.
      const accepted = store.app(app)?.accepted
      if (accepted?.deployment.remove && accepted.verdict !== undefined) reporter.clear(app)
    },
    foresee: async (app, payload, images) => {
      const site = await input.site()
      return judge(app, payload, { record: store.app(app) ?? emptyRecord(app), images, site })
    },
    receive,
  }
}
