/**
 * The files of the apps on the device, in our own words. `disk-files.ts` keeps them on the disk and in memory-backed
 * folders, `memory-files.ts` in memory; one contract suite runs on both. What is already so counts as success.
 *
 *   <state>/projects/<app>/blobs/<sha256>   contents that a release brought, until no release needs them
 *   <state>/projects/<app>/trees/<digest>/  read-only files of releases
 *   <state>/projects/<app>/data/            writable files: the containers' own
 *   <state>/projects/<app>/lock/            where the app says that it is busy
 *   <tmpfs>/<app>/<digest>/                 secrets
 */
import type { ProjectPaths, Tree } from '../translate/project-mounts.ts'

/** What stands at a path of the data folder. `unsafe`: a link, a device or the like is in the way. */
export type DataEntry =
  | { readonly kind: 'missing' | 'folder' | 'unsafe' }
  | { readonly kind: 'file'; readonly sha256: string }

export type ObservedFiles = {
  /** digests of the trees that stand complete */
  readonly trees: readonly string[]
  readonly secretTrees: readonly string[]
  /** what stands at the paths that were asked for */
  readonly data: Readonly<Record<string, DataEntry>>
  /** anything that a release brought, other than its writable files */
  readonly hasRelease: boolean
  readonly hasData: boolean
  readonly hasLockFolder: boolean
}

/** What stands for the lock of an app: a file with its text, or something else that has a time, with none. */
export type LockFile = { /** epoch ms */ readonly mtimeMs: number; readonly text: string }

export const noFiles: ObservedFiles = {
  trees: [],
  secretTrees: [],
  data: {},
  hasRelease: false,
  hasData: false,
  hasLockFolder: false,
}

/** One change in the data folder. `found` is what it was decided on: something else there is left as it is. */
export type DataChange =
  | { readonly kind: 'folder'; readonly path: string; readonly owner?: Owner }
  | {
      readonly kind: 'write'
      readonly path: string
      readonly sha256: string
      readonly mode: string
      readonly found: string | null
      readonly owner?: Owner
    }
  | { readonly kind: 'remove'; readonly path: string; readonly found: string }

/** Whom a file belongs to; absent: root. */
export type Owner = { readonly uid: number; readonly gid: number }

/** `changed`: it was another one than the change was decided on, and was left alone. */
export type DataOutcome = { readonly path: string; readonly outcome: 'done' } | ChangedOutcome
export type ChangedOutcome = { readonly path: string; readonly outcome: 'changed'; readonly found: string | null }

export type ProjectFiles = {
  readonly paths: (app: string) => ProjectPaths
  /** Keeps contents by their digest, and forgets all that are not in `needed`. On disk when it resolves. */
  readonly keep: (app: string, contents: ReadonlyMap<string, Uint8Array>, needed: ReadonlySet<string>) => Promise<void>
  /** @throws LongshoreError file-missing */
  readonly content: (app: string, sha256: string) => Promise<Uint8Array>
  readonly observe: (app: string, dataPaths: readonly string[]) => Promise<ObservedFiles>
  /** @throws LongshoreError path-unsafe, file-missing, secret-missing, state-unusable */
  readonly placeTree: (
    app: string,
    tree: Tree,
    secretValue: (name: string, version: string) => Promise<Uint8Array>,
  ) => Promise<void>
  /** Nothing outside the data folder is touched, whatever links its containers put there. */
  readonly changeData: (app: string, changes: readonly DataChange[]) => Promise<readonly DataOutcome[]>
  readonly removeTrees: (app: string, trees: readonly string[], secretTrees: readonly string[]) => Promise<void>
  /** For every user of every container to write in. */
  readonly makeLockFolder: (app: string) => Promise<void>
  /** undefined: the app is not locked. Whatever stands there, it is read at once, and nothing else is. */
  readonly lock: (app: string) => Promise<LockFile | undefined>
  /** Everything of an app; its data folder only if asked. */
  readonly removeProject: (app: string, options: { readonly data: boolean }) => Promise<void>
}
