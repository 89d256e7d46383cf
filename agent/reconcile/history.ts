/** What the deployments of an app came to, with the releases of the newest ones: what one can go back to. Pure. */
import { defined } from '../../src/defined.ts'
import type { Accepted, AppRecord, HistoryEntry, Verdict } from '../store/app-record.ts'

/** The record with an entry for the accepted deployment; `keepReleases` releases are kept, each once, newest first. */
export const withHistory = (record: AppRecord, verdict: Verdict, keepReleases: number): AppRecord => {
  const { accepted, history = [] } = record
  if (accepted === undefined || accepted.deployment.remove) return record
  const entry = entryOf(accepted, verdict)
  const others = history.filter(({ release }) => release !== entry.release)
  return { ...record, history: [entry, ...others].slice(0, keepReleases) }
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
    return history.find(({ release }) => release.replace(/^sha256:/, '').startsWith(wanted))
  }
  const newest = accepted === undefined || accepted.deployment.remove ? undefined : accepted.deployment.release
  const good = history.filter(({ outcome, release }) => outcome === 'succeeded' && release !== newest)
  return good.find(({ release }) => release === lastGood?.release) ?? good[0]
}
