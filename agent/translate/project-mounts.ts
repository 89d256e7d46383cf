/**
 * What a service mounts of its project folder, its configs and its secrets. Pure. Read-only files belong to the release:
 * they stand in a tree of their own, named by its digest and never changed. Writable ones stand in the data folder of
 * the app, where its containers may change them. If any service mounts a path writable, it is writable for all.
 */
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { hasLock, lockTarget } from '../../src/compose/lock.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import { isUnder, releasePathOf } from '../../src/compose/project-path.ts'
import { secretName } from '../../src/compose/secret-names.ts'
import { defined, own } from '../../src/defined.ts'
import { digestOf } from '../../src/protocol/digest.ts'

/** The files of a release, by path, without their content: that lies in the store by digest. */
export type ReleaseFiles = Readonly<Record<string, { readonly sha256: string; readonly mode: string }>>

export type TreeFile = {
  /** a file of the release, a text of the model, or a secret in one of its versions */
  readonly content:
    | { readonly sha256: string }
    | { readonly text: string }
    | { readonly secret: string; readonly version: string }
  readonly mode: string
  readonly uid?: number
  readonly gid?: number
}

/** Files that do not change: made beside, renamed when complete, named by digest. Secret ones never touch a disk. */
export type Tree = {
  /** hexadecimal */
  readonly digest: string
  readonly isSecret: boolean
  /** by path in the tree */
  readonly files: Readonly<Record<string, TreeFile>>
}

export type ProjectMount = { readonly target: string; readonly readOnly: boolean } & (
  | { readonly kind: 'tree'; readonly tree: Tree /** what of the tree is mounted; empty: all */; readonly path: string }
  | { readonly kind: 'data'; readonly path: string; readonly propagation?: string }
  /** the folder in which the app says that it is busy */
  | { readonly kind: 'lock' }
)

/** Where on the device they stand. */
export type ProjectPaths = {
  readonly data: string
  readonly trees: string
  readonly secrets: string
  readonly lock: string
}

/** What the release says, and what is known about its secrets: a name that is not here has no value on the device. */
export type Release = {
  readonly compose: Model
  readonly files: ReleaseFiles
  readonly secretVersions: Readonly<Record<string, string>>
}

/** By target, in the order of the model: relative bind mounts, then configs, secrets, and the folder of the lock. */
export const projectMounts = (release: Release, service: Service): readonly ProjectMount[] => [
  ...bindMounts(release, service),
  ...configMounts(release, service),
  ...secretMounts(release, service),
  ...(hasLock(service) ? [{ kind: 'lock' as const, target: lockTarget, readOnly: false }] : []),
]

/** The paths of the project folder that the services of a model mount. */
const boundPaths = (model: Model, isChosen: (readOnly: boolean) => boolean = () => true): string[] =>
  Object.values(model.services).flatMap((service) =>
    (service.volumes ?? []).flatMap((mount) =>
      mount.type === 'bind' && !mount.source.startsWith('/') && isChosen(mount.read_only === true)
        ? [releasePathOf(mount.source)]
        : [],
    ),
  )

/** The roots of the data folder: every path that some service mounts writable, and every mounted one that holds such a path. */
const dataRoots = (model: Model): string[] => {
  const writable = boundPaths(model, (readOnly) => !readOnly)
  return [...writable, ...boundPaths(model).filter((path) => writable.some((root) => isUnder(root, path)))]
}

/** Whether a path is in the data folder: it is a root of it, or lies in one, or holds one. */
export const isData = (model: Model, path: string): boolean =>
  dataRoots(model).some((root) => isUnder(path, root) || isUnder(root, path))

/** The paths in the data folder that the app's services mount, sorted. */
export const dataSources = (model: Model): string[] =>
  [...new Set(boundPaths(model).filter((path) => isData(model, path)))].sort()

const bindMounts = ({ compose, files }: Release, service: Service): ProjectMount[] =>
  (service.volumes ?? []).flatMap((mount): ProjectMount[] => {
    if (mount.type !== 'bind' || mount.source.startsWith('/')) return []
    const path = releasePathOf(mount.source)
    const readOnly = mount.read_only ?? false
    if (isData(compose, path))
      return [
        defined({ kind: 'data' as const, path, target: mount.target, readOnly, propagation: mount.bind?.propagation }),
      ]
    const single = own(files, path)
    const base = posix.basename(path)
    const inTree =
      single !== undefined
        ? { [base]: treeFile(single) }
        : Object.fromEntries(
            Object.entries(files)
              .filter(([name]) => isUnder(name, path))
              .map(([name, file]) => [path === '' ? name : name.slice(path.length + 1), treeFile(file)]),
          )
    const tree = makeTree(inTree, false)
    return [{ kind: 'tree', tree, path: single === undefined ? '' : base, target: mount.target, readOnly: true }]
  })

const treeFile = ({ sha256, mode }: ReleaseFiles[string]): TreeFile => ({ content: { sha256 }, mode })

const configMounts = ({ compose, files }: Release, service: Service): ProjectMount[] =>
  (service.configs ?? []).flatMap(({ source, target, mode, uid, gid }): ProjectMount[] => {
    const config = compose.configs?.[source]
    if (config === undefined) return []
    const file = typeof config.file === 'string' ? own(files, releasePathOf(config.file)) : undefined
    const content = typeof config.content === 'string' ? { text: config.content } : file && { sha256: file.sha256 }
    if (content === undefined) return []
    const base = posix.basename(target)
    const tree = makeTree({ [base]: ownedFile(content, mode ?? file?.mode ?? '0444', uid, gid) }, false)
    return [{ kind: 'tree', tree, path: base, target, readOnly: true }]
  })

const secretMounts = ({ compose, secretVersions }: Release, service: Service): ProjectMount[] =>
  (service.secrets ?? []).flatMap(({ source, target, mode, uid, gid }): ProjectMount[] => {
    const secret = secretName(compose, source)
    const version = own(secretVersions, secret)
    if (version === undefined) return []
    const base = posix.basename(target)
    const tree = makeTree({ [base]: ownedFile({ secret, version }, mode ?? '0444', uid, gid) }, true)
    return [{ kind: 'tree', tree, path: base, target, readOnly: true }]
  })

const ownedFile = (
  content: TreeFile['content'],
  mode: string,
  uid: string | undefined,
  gid: string | undefined,
): TreeFile =>
  defined({
    content,
    mode,
    uid: uid === undefined ? undefined : Number(uid),
    gid: gid === undefined ? undefined : Number(gid),
  })

const makeTree = (files: Readonly<Record<string, TreeFile>>, isSecret: boolean): Tree => {
  const named = Object.fromEntries(
    Object.entries(files).map(([path, { content, ...rest }]) => [
      path,
      { ...('text' in content ? { sha256: sha256Of(content.text) } : content), ...rest },
    ]),
  )
  return { digest: digestOf(named).slice('sha256:'.length), isSecret, files }
}

export const sha256Of = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** The path on the device that a mount binds. */
export const mountSource = (paths: ProjectPaths, mount: ProjectMount): string => {
  switch (mount.kind) {
    case 'lock':
      return paths.lock
    case 'data':
      return posix.join(paths.data, mount.path)
    case 'tree':
      return posix.join(mount.tree.isSecret ? paths.secrets : paths.trees, mount.tree.digest, mount.path)
  }
}

/**
 * What of its files a container depends on, for its digest: trees by theirs, writable ones by what the agent last wrote.
 * undefined: it mounts none, and uses no secret.
 */
export const mountedContent = (
  release: Release,
  service: Service,
  written: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined => {
  const mounted = projectMounts(release, service).map((mount): [string, string] => [
    mount.target,
    contentOf(mount, written),
  ])
  const inEnvironment = Object.entries(service['x-longshore']?.secretEnv ?? {}).map(
    ([variable, key]): [string, string] => [
      `$${variable}`,
      own(release.secretVersions, secretName(release.compose, key)) ?? '',
    ],
  )
  const content = Object.fromEntries([...mounted, ...inEnvironment])
  return Object.keys(content).length === 0 ? undefined : content
}

const contentOf = (mount: ProjectMount, written: Readonly<Record<string, string>>): string => {
  switch (mount.kind) {
    // What is in the folder is the app's own; that it is mounted is all that matters.
    case 'lock':
      return 'lock'
    case 'data':
      return digestOf(Object.fromEntries(Object.entries(written).filter(([path]) => isUnder(path, mount.path))))
    case 'tree':
      return mount.tree.digest
  }
}
