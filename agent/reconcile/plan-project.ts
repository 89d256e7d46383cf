/** The files that an app's containers mount: put where the engine can bind them, before any container is made. */
import { hasLock, lockTarget } from '../../src/compose/lock.ts'
import type { Service } from '../../src/compose/model.ts'
import { own } from '../../src/defined.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { DataChange, ObservedFiles, Owner } from '../files/project-files.ts'
import type { Accepted, AcceptedAssignment, AppRecord, FileDecision } from '../store/app-record.ts'
import { projectMounts, type Release } from '../translate/project-mounts.ts'
import type { Draft } from './draft.ts'
import { pendingChanges } from './plan-files.ts'

export type FilesInput = {
  readonly app: string
  readonly deployment: AcceptedAssignment
  readonly record: AppRecord
  readonly accepted: Accepted
  readonly decisions: Readonly<Record<string, FileDecision>>
  readonly observed: ObservedFiles
  readonly release: Release
}

/**
 * Proposes the files that containers mount and that are not there: read-only ones, secrets, and of the writable ones
 * those that are in nobody's way. Returns the services that lack something to bind: none of their containers is started,
 * for an engine follows whatever stands at the path.
 */
export const planProject = (draft: Draft, input: FilesInput): ReadonlySet<string> => {
  const { app, deployment, observed, release } = input
  const unready = planTrees(draft, { app, observed, release })
  for (const name of planLockFolder(draft, { app, observed, release })) unready.add(name)
  for (const [name, service] of Object.entries(deployment.compose.services))
    for (const mount of projectMounts(release, service))
      if (mount.kind === 'data' && !isDataReady(draft, input, name, service, mount.path)) unready.add(name)
  return unready
}

/** Of the release before, while the new one is not ready: after a reboot its secrets are gone from memory. */
export const planOldProject = (draft: Draft, input: Pick<FilesInput, 'app' | 'observed' | 'release'>): Set<string> => {
  const unready = planTrees(draft, input)
  for (const name of planLockFolder(draft, input)) unready.add(name)
  for (const [name, service] of Object.entries(input.release.compose.services))
    for (const mount of projectMounts(input.release, service)) {
      if (mount.kind !== 'data') continue
      const kind = input.observed.data[mount.path]?.kind
      if (kind === 'unsafe') draft.wait(inTheWay(mount.path, name))
      if (kind === 'unsafe' || kind === 'missing') unready.add(name)
    }
  return unready
}

const planTrees = (
  draft: Draft,
  { app, observed, release }: Pick<FilesInput, 'app' | 'observed' | 'release'>,
): Set<string> => {
  const unready = new Set<string>()
  const proposed = new Set<string>()
  for (const [name, service] of Object.entries(release.compose.services)) {
    for (const mount of projectMounts(release, service)) {
      if (mount.kind !== 'tree') continue
      const { tree } = mount
      if ((tree.isSecret ? observed.secretTrees : observed.trees).includes(tree.digest)) continue
      unready.add(name)
      if (proposed.has(tree.digest)) continue
      proposed.add(tree.digest)
      draft.propose({
        kind: 'place-files',
        target: mount.target,
        service: name,
        app,
        tree,
        cause: `service ${name} mounts ${tree.isSecret ? 'a secret' : 'files of the release'} at ${mount.target}`,
      })
    }
  }
  return unready
}

/** The services that mount the folder of the lock while it is not there. */
const planLockFolder = (
  draft: Draft,
  { app, observed, release }: Pick<FilesInput, 'app' | 'observed' | 'release'>,
): string[] => {
  if (observed.hasLockFolder) return []
  const names = Object.entries(release.compose.services).flatMap(([name, service]) => (hasLock(service) ? [name] : []))
  const [first] = names
  if (first !== undefined)
    draft.propose({
      kind: 'make-lock-folder',
      target: lockTarget,
      app,
      cause: `service ${first} may lock updates`,
    })
  return names
}

const inTheWay = (path: string, service: string): Reason => ({
  code: 'path-unsafe',
  message: `./${path}: a link or the like is in the way`,
  path: `services.${service}`,
})

/** What a service mounts of the data folder: there already, or put there while nobody uses it. */
const isDataReady = (
  draft: Draft,
  { app, deployment, record, accepted, decisions, observed }: FilesInput,
  name: string,
  service: Service,
  path: string,
): boolean => {
  const entry = observed.data[path]
  // Not looked at, because everything runs as it is.
  if (entry === undefined || entry.kind === 'file') return true
  if (entry.kind === 'unsafe') {
    draft.wait(inTheWay(path, name))
    return false
  }
  const file = own(deployment.files, path)
  if (entry.kind === 'folder' && file === undefined) return true
  if (entry.kind === 'folder') {
    const pending = pendingChanges(record, accepted, decisions, deployment.files, { path })
    if (pending.some(({ kind }) => kind === 'remove')) return true // it may be empty then
    const message = `./${path} is a folder on the device and a file in the release`
    draft.wait({ code: 'path-unsafe', message, path: `services.${name}` })
    return false
  }
  const owner = dataOwner(service)
  const ownedBy = owner === undefined ? {} : { owner }
  const changes: DataChange[] =
    file === undefined
      ? [
          { kind: 'folder', path, ...ownedBy },
          ...pendingChanges(record, accepted, decisions, deployment.files, { path, owner }),
        ]
      : [{ kind: 'write', path, ...file, found: null, ...ownedBy }]
  draft.propose({ kind: 'change-files', target: `./${path}`, app, changes, cause: `service ${name} mounts ./${path}` })
  return false
}

/** New files belong to the user that the service runs as, where that is a number: another user has no use for them. */
export const dataOwner = ({ user }: Pick<Service, 'user'>): Owner | undefined => {
  const [, uid, gid] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(user ?? '') ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid ?? uid) }
}
