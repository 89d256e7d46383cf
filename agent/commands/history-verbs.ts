/** The verbs `history` and `release`: what the deployments of an app came to, and a release whole, to be deployed again. */
import { z } from 'zod'
import { defined } from '../../src/defined.ts'
import type { Reply } from '../../src/protocol/command.ts'
import { appNameSchema } from '../../src/protocol/names.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { ProjectFiles } from '../files/project-files.ts'
import { releaseToReturnTo } from '../reconcile/history.ts'
import { type AppRecord, emptyRecord, type HistoryEntry } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import { refused, type Verb, verbOf } from './verb.ts'

export type ReleaseInput = { readonly store: Pick<Store, 'app'>; readonly files: Pick<ProjectFiles, 'content'> }

export const historyVerb = ({ store }: Pick<ReleaseInput, 'store'>): Verb =>
  verbOf(z.object({ app: appNameSchema }), async ({ app }) => {
    const record = store.app(app)
    if (record === undefined) return refused(unknownApp(app))
    return { outcome: 'done', result: { releases: historyOf(record) } as Reply['result'] }
  })

/** Newest first; what is under way stands before it, with no outcome. */
const historyOf = (record: AppRecord) => {
  const { accepted, lastGood, history = [] } = record
  const isOpen = accepted !== undefined && !accepted.deployment.remove && accepted.verdict === undefined
  const open = isOpen
    ? [{ generation: accepted.deployment.generation, release: accepted.deployment.release, at: accepted.at }]
    : []
  const ended = history.map(({ generation, release, at, by, outcome, reason, log }) =>
    defined({ generation, release, at, by, outcome, reason, log, isLastGood: generation === lastGood?.generation }),
  )
  return [...open, ...ended]
}

const releaseArgs = z.object({ app: appNameSchema, release: z.string().min(4).optional() })

export const releaseVerb = ({ store, files }: ReleaseInput): Verb =>
  verbOf(releaseArgs, async ({ app, release: name }) => {
    const entry = releaseToReturnTo(store.app(app) ?? emptyRecord(app), name)
    if (entry === undefined) return refused(unknownRelease(app, name))
    const { generation, release, compose, outcome } = entry
    const result = { generation, release, outcome, compose, files: await contentsOf(app, entry, files) }
    return { outcome: 'done', result: result as Reply['result'] }
  })

const contentsOf = async (app: string, entry: HistoryEntry, files: ReleaseInput['files']) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(entry.files ?? {}).map(async ([path, { sha256, mode }]) => {
        const content = Buffer.from(await files.content(app, sha256)).toString('base64')
        return [path, { sha256, mode, content }] as const
      }),
    ),
  )

const unknownApp = (app: string): Reason => ({ code: 'app-unknown', message: `no app ${app} is on the device` })

const unknownRelease = (app: string, name: string | undefined): Reason => ({
  code: 'release-unknown',
  message:
    name === undefined
      ? `no other release of app ${app} that succeeded is kept on the device`
      : `no release ${name} of app ${app} is kept on the device`,
})
