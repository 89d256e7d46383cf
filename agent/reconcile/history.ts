/** What the deployments of an app came to, with the releases of the newest ones: what one can go back to. Pure. */
import { defined } from '../../src/defined.ts'
import type { Accepted, AppRecord, HistoryEntry, Verdict } from '../store/app-record.ts'

/**
 * The record with an entry for the accepted deployment, newest first. Of a release there is one entry; one that succeeded
 * stays beside a later one that did not, for with the images it ran with it can be gone back to. The newest
 * `keepReleases` releases are kept, and the one that was the last good one until now, however many failed since.
 */
export const withHistory = (record: AppRecord, verdict: Verdict, keepReleases: number): AppRecord => {
  const { accepted, history = [], lastGood } = record
  if (accepted === undefined || accepted.deployment.remove) return record
  const entry = entryOf(accepted, verdict)
  const isReplaced = ({ release, outcome }: HistoryEntry): boolean =>
    release === entry.release && (entry.outcome === 'succeeded' || outcome !== 'succeeded')
  const entries = [entry, ...history.filter((other) => !isReplaced(other))]
  const newest = new Set([...new Set(entries.map(({ release }) => release))].slice(0, keepReleases))
  const isLastGood = ({ release, outcome }: HistoryEntry): boolean =>
    release === lastGood?.release && outcome === 'succeeded'
  return { ...record, history: entries.filter((other) => newest.has(other.release) || isLastGood(other)) }
}

const entryOf = ({ deployment, images }: Accepted, { outcome, reason, log, at }: Verdict): HistoryEntry => {
  if (deployment.remove) throw new TypeError('a removal has no release')
  const { generation, release, compose, files, by } = deployment
  return defined({ generation, release, compose, files, images, by, outcome, reason, log, at })
}

/**
 * The release to go back to. Without a name it is the last good one, or, where that is the newest, the one before it
 * that succeeded. A name may be the beginning of its digest.
 */
export const releaseToReturnTo = (record: AppRecord, name?: string): HistoryEntry | undefined => {
  const { accepted, history = [], lastGood } = record
  if (name !== undefined) {
    const wanted = name.replace(/^sha256:/, '')
    const named = history.filter(({ release }) => release.replace(/^sha256:/, '').startsWith(wanted))
    return named.find(({ outcome }) => outcome === 'succeeded') ?? named[0]
  }
  const newest = accepted === undefined || accepted.deployment.remove ? undefined : accepted.deployment.release
  const good = history.filter(({ outcome, release }) => outcome === 'succeeded' && release !== newest)
  return good.find(({ release }) => release === lastGood?.release) ?? good[0]
}
