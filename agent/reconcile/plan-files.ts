/**
 * What becomes of the writable files of a release, by the rule that dpkg has for configuration: unchanged on the device
 * since it was last written, the version of the release replaces it; changed there, it is kept, and that is said.
 */
import type { Model } from '../../src/compose/model.ts'
import { isUnder, releasePathOf } from '../../src/compose/project-path.ts'
import { own } from '../../src/defined.ts'
import type { DataChange, DataOutcome, ObservedFiles, Owner } from '../files/project-files.ts'
import type { Accepted, AcceptedAssignment, AppRecord, FileDecision } from '../store/app-record.ts'
import { dataSources, isData, type ReleaseFiles } from '../translate/project-mounts.ts'

/** A file of which the device has another version than the release, and keeps it. */
export type KeptFile = { readonly path: string; readonly device: string | null; readonly release: string | null }

type Decisions = Readonly<Record<string, FileDecision>>

/** The paths in the data folder that the next plan must know about: none at all while everything runs. */
export const dataPathsToLookAt = (record: AppRecord, isComplete: boolean): string[] => {
  const { accepted } = record
  if (accepted === undefined || accepted.deployment.remove) return []
  const { deployment } = accepted
  const undecided = [...affectedPaths(record, deployment)].filter((path) => accepted.files?.[path] === undefined)
  const pending = pendingPaths(record, accepted)
  const isSteady = isComplete && accepted.verdict !== undefined
  const mounted = [deployment.compose, ...(record.lastGood === undefined ? [] : [record.lastGood.compose])]
  return [...new Set([...undecided, ...pending, ...(isSteady ? [] : mounted.flatMap(dataSources))])].sort()
}

/** Writable files of the release, and those that an earlier one wrote. */
const affectedPaths = (record: AppRecord, deployment: AcceptedAssignment): Set<string> => {
  const brought = Object.keys(deployment.files).filter((path) => isData(deployment.compose, path))
  return new Set([...brought, ...Object.keys(record.written ?? {}), ...Object.keys(record.maybeWritten ?? {})])
}

/** Decisions that are still to be made, from what was found. undefined: none. */
export const decideFiles = (record: AppRecord, accepted: Accepted, observed: ObservedFiles): Decisions | undefined => {
  const { deployment } = accepted
  if (deployment.remove) return undefined
  const sources = new Set(dataSources(deployment.compose))
  const decided = [...affectedPaths(record, deployment)].flatMap((path): [string, FileDecision][] => {
    const entry = observed.data[path]
    if (accepted.files?.[path] !== undefined || entry === undefined) return []
    const found = entry.kind === 'file' ? entry.sha256 : null
    const before = observed.hasData ? writtenBefore(record, path, found) : undefined
    const wanted = isData(deployment.compose, path) ? own(deployment.files, path)?.sha256 : undefined
    const rule = deployment.replaceFiles === true ? 'release' : ruleFor(deployment.compose, path)
    const isNeeded = sources.has(path)
    const decision = decide({ found, before, wanted, rule, isNeeded, generation: deployment.generation })
    // What was written is gone with the whole folder: the same once more is a change, or nobody would write it.
    const isLost = decision.action === 'write' && decision.written === record.written?.[path]
    return [[path, isLost ? { ...decision, written: `${wanted}#${deployment.generation}` } : decision]]
  })
  return decided.length === 0 ? undefined : { ...accepted.files, ...Object.fromEntries(decided) }
}

/** What the agent last wrote there, as far as it knows; undefined: nothing, or it took it away again. */
const writtenBefore = (
  { written, maybeWritten }: AppRecord,
  path: string,
  found: string | null,
): string | undefined => {
  const maybe = maybeWritten?.[path]
  if (maybe === undefined || found !== (maybe === null ? null : contentOf(maybe))) return written?.[path]
  return maybe ?? undefined
}

/** What the accepted deployment was about to do to files, for the one that takes its place. */
export const maybeWrittenAfter = ({ accepted, maybeWritten, written }: AppRecord): AppRecord['maybeWritten'] => {
  const pending = accepted === undefined ? [] : pendingPaths({ written }, accepted)
  const after = {
    ...maybeWritten,
    ...Object.fromEntries(pending.map((path) => [path, accepted?.files?.[path]?.written ?? null])),
  }
  return Object.keys(after).length === 0 ? undefined : after
}

type Question = {
  /** the digest on the device; null: no file */
  readonly found: string | null
  /** what the agent last wrote there */
  readonly before: string | undefined
  /** the digest in the release; undefined: it has no such file */
  readonly wanted: string | undefined
  readonly rule: 'release' | 'data' | undefined
  /** a service mounts this very file, so there must be one */
  readonly isNeeded: boolean
  readonly generation: number
}

/** Pure dpkg, with the operator's word over it. */
export const decide = ({ found, before, wanted, rule, isNeeded, generation }: Question): FileDecision => {
  const isUnchanged = before !== undefined && found === contentOf(before)
  if (wanted === undefined) {
    if (isUnchanged && rule !== 'data') return { action: 'remove', found }
    return { action: 'keep', found, ...(found === null || before === undefined ? {} : { written: before }) }
  }
  const isThere = before !== undefined && contentOf(before) === wanted
  if (found === wanted) return { action: 'keep', found, written: isThere ? before : wanted }
  const isFresh = found === null && (before === undefined || isNeeded)
  const isReplaced = isFresh || rule === 'release' || (isUnchanged && rule !== 'data')
  if (!isReplaced) return { action: 'keep', found, ...(before === undefined ? {} : { written: before }) }
  // The same content once more over another one must count as a change, or its services would not notice.
  return { action: 'write', found, written: isThere ? `${wanted}#${generation}` : wanted }
}

const contentOf = (written: string): string => written.split('#')[0] as string

/** The rule of the path itself, or else of the nearest folder that has one. */
const ruleFor = (model: Model, path: string): 'release' | 'data' | undefined =>
  Object.entries(model['x-longshore']?.files ?? {})
    .map(([key, rule]) => ({ root: releasePathOf(key), rule }))
    .filter(({ root }) => isUnder(path, root))
    .sort((a, b) => b.root.length - a.root.length)[0]?.rule

/** What the agent has written, or will have, once the decisions are carried out: part of what a container depends on. */
export const writtenAfter = (decisions: Decisions, release: ReleaseFiles): Record<string, string> =>
  Object.fromEntries(
    Object.entries(decisions).flatMap(([path, { written }]) =>
      release[path] === undefined || written === undefined ? [] : [[path, written]],
    ),
  )

const pendingPaths = (record: Pick<AppRecord, 'written'>, accepted: Accepted): string[] =>
  Object.entries(accepted.files ?? {}).flatMap(([path, { action, written }]) => {
    if (action === 'write') return record.written?.[path] === written ? [] : [path]
    return action === 'remove' && record.written?.[path] !== undefined ? [path] : []
  })

/** The changes under a path of the data folder that are still to be made. */
export const pendingChanges = (
  record: AppRecord,
  accepted: Accepted,
  decisions: Decisions,
  release: ReleaseFiles,
  source: { readonly path: string; readonly owner?: Owner | undefined },
): DataChange[] =>
  pendingPaths(record, { ...accepted, files: decisions })
    .filter((path) => isUnder(path, source.path))
    .sort()
    // What goes makes room: a file may take the place of a folder, and a folder that of a file.
    .sort((a, b) => Number(decisions[b]?.action === 'remove') - Number(decisions[a]?.action === 'remove'))
    .flatMap((path): DataChange[] => {
      const { action, found } = decisions[path] as FileDecision
      const file = release[path]
      if (action === 'remove') return found === null ? [] : [{ kind: 'remove', path, found }]
      if (file === undefined) return []
      return [{ kind: 'write', path, ...file, found, ...(source.owner === undefined ? {} : { owner: source.owner }) }]
    })

/** The record after changes: what was written, and what was found to be another file by then and is kept. */
export const withOutcomes = (record: AppRecord, outcomes: readonly DataOutcome[]): AppRecord => {
  const { accepted } = record
  if (accepted === undefined || outcomes.length === 0) return record
  const release = accepted.deployment.remove ? {} : accepted.deployment.files
  const written = { ...record.written }
  const files = { ...accepted.files }
  for (const result of outcomes) {
    const decision = files[result.path]
    if (decision === undefined) continue
    if (result.outcome === 'changed') {
      const before = written[result.path]
      files[result.path] = { action: 'keep', found: result.found, ...(before === undefined ? {} : { written: before }) }
    } else if (decision.action === 'remove') delete written[result.path]
    else if (decision.action === 'keep') {
      // It was gone and had to be there: it is the release's by now, whatever was kept before.
      const sha256 = release[result.path]?.sha256
      if (sha256 === undefined) continue
      const isMarked = decision.written !== undefined && contentOf(decision.written) === sha256
      const mark = isMarked ? (decision.written as string) : sha256
      written[result.path] = mark
      files[result.path] = { action: 'keep', found: sha256, written: mark }
    } else if (decision.written !== undefined) written[result.path] = decision.written
  }
  return { ...record, written, accepted: { ...accepted, files } }
}

/** The record with decisions that need nothing done: what is as the release has it counts as written. */
export const withDecisions = (record: AppRecord, decisions: Decisions): AppRecord => {
  const { accepted } = record
  if (accepted === undefined || accepted.deployment.remove) return record
  const release = accepted.deployment.files
  const written = { ...record.written }
  const { maybeWritten, ...rest } = record
  const undecided = { ...maybeWritten }
  for (const [path, decision] of Object.entries(decisions)) {
    if (undecided[path] !== undefined) {
      const before = writtenBefore(record, path, decision.found)
      if (before === undefined) delete written[path]
      else written[path] = before
      delete undecided[path]
    }
    if (decision.action !== 'keep') continue
    if (release[path] === undefined) delete written[path]
    else if (decision.found === release[path].sha256 && decision.written !== undefined) written[path] = decision.written
  }
  const left = Object.keys(undecided).length === 0 ? {} : { maybeWritten: undecided }
  return { ...rest, ...left, written, accepted: { ...accepted, files: decisions } }
}

/** The files of which the device keeps another version than the one it was given, and why a person should know. */
export const keptFiles = (deployment: AcceptedAssignment, decisions: Decisions): KeptFile[] =>
  Object.entries(decisions)
    .flatMap(([path, { action, found, written }]): KeptFile[] => {
      const release = own(deployment.files, path)?.sha256 ?? null
      if (action !== 'keep' || found === release) return []
      // What the containers made of a file that the operator did not touch is nobody's concern.
      const isOffered =
        release === null ? written !== undefined : written === undefined || contentOf(written) !== release
      return isOffered ? [{ path, device: found, release }] : []
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
