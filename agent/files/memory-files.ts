/** The files of the apps in memory, for the simulated agent. Passes the same contract suite as the disk. */

import { isUnder } from '../../src/compose/project-path.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { sha256Of, type Tree } from '../translate/project-mounts.ts'
import type { DataChange, DataEntry, DataOutcome, LockFile, ProjectFiles } from './project-files.ts'

type Project = {
  readonly blobs: Map<string, Uint8Array>
  readonly trees: Map<string, Tree>
  readonly secretTrees: Map<string, Tree>
  /** null: a folder */
  readonly data: Map<string, Uint8Array | null>
  readonly links: Set<string>
  /** undefined: the folder is not there; null: it is empty */
  lock?: LockFile | null
  hasData: boolean
}

export type MemoryFiles = ProjectFiles & {
  readonly controls: {
    /** What a container, or somebody on the device, does to a file. */
    readonly write: (app: string, path: string, text: string) => void
    readonly read: (app: string, path: string) => string | undefined
    /** What the app puts in its lock folder; null: it takes the lock back. */
    readonly lock: (app: string, file: LockFile | null) => void
    /** A link where a file or folder was, as a container can make one. */
    readonly link: (app: string, path: string) => void
    /** Somebody on the device empties the data folder. */
    readonly wipe: (app: string) => void
    /** The power goes: what was in memory is lost. */
    readonly forgetSecrets: () => void
  }
}

export const memoryFiles = (): MemoryFiles => {
  const projects = new Map<string, Project>()

  const project = (app: string): Project => {
    const known = projects.get(app) ?? {
      blobs: new Map(),
      trees: new Map(),
      secretTrees: new Map(),
      data: new Map(),
      links: new Set(),
      hasData: false,
    }
    projects.set(app, known)
    return known
  }

  const entryAt = ({ data, links, hasData }: Project, path: string): DataEntry => {
    if ([...links].some((link) => isUnder(path, link))) return { kind: 'unsafe' }
    if (path === '') return { kind: hasData ? 'folder' : 'missing' }
    const content = data.get(path)
    if (content instanceof Uint8Array) return { kind: 'file', sha256: sha256Of(content) }
    const isFolder = content === null || [...data.keys()].some((other) => isUnder(other, path))
    return { kind: isFolder ? 'folder' : 'missing' }
  }

  const blob = (app: string, sha256: string): Uint8Array => {
    const content = project(app).blobs.get(sha256)
    if (content === undefined) throw new LongshoreError('file-missing', `the content ${sha256} of app ${app} is gone`)
    return content
  }

  const change = (app: string, wanted: DataChange): DataOutcome => {
    const { path } = wanted
    const held = project(app)
    held.hasData = true
    const entry = entryAt(held, path)
    const found = entry.kind === 'file' ? entry.sha256 : null
    if (entry.kind === 'unsafe') throw new LongshoreError('path-unsafe', `${path} is a link`)
    if (wanted.kind === 'folder') {
      if (entry.kind === 'file') throw new LongshoreError('path-unsafe', `${path} is no folder`)
      if (path !== '' && entry.kind === 'missing') held.data.set(path, null)
      return { path, outcome: 'done' }
    }
    if (wanted.kind === 'remove') {
      if (entry.kind === 'missing') return { path, outcome: 'done' }
      if (found !== wanted.found) return { path, outcome: 'changed', found }
      held.data.delete(path)
      const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
      if (folder !== '' && entryAt(held, folder).kind === 'missing') held.data.set(folder, null)
      return { path, outcome: 'done' }
    }
    if (found === wanted.sha256) return { path, outcome: 'done' }
    if (entry.kind === 'folder') {
      const inside = [...held.data].filter(([other]) => isUnder(other, path))
      if (inside.some(([, content]) => content !== null)) throw new LongshoreError('path-unsafe', `${path} is a folder`)
      for (const [other] of inside) held.data.delete(other)
    }
    if (found !== wanted.found) return { path, outcome: 'changed', found }
    held.data.set(path, blob(app, wanted.sha256))
    return { path, outcome: 'done' }
  }

  return {
    paths: (app) => ({
      data: `/projects/${app}/data`,
      trees: `/projects/${app}/trees`,
      secrets: `/secrets/${app}`,
      lock: `/projects/${app}/lock`,
    }),
    content: async (app, sha256) => blob(app, sha256),
    keep: async (app, contents, needed) => {
      const { blobs } = project(app)
      for (const name of [...blobs.keys()]) if (!needed.has(name)) blobs.delete(name)
      for (const [sha256, content] of contents) blobs.set(sha256, content)
    },
    observe: async (app, dataPaths) => {
      const held = project(app)
      return {
        trees: [...held.trees.keys()].sort(),
        secretTrees: [...held.secretTrees.keys()].sort(),
        data: Object.fromEntries(dataPaths.map((path) => [path, entryAt(held, path)])),
        hasRelease: held.trees.size > 0 || held.blobs.size > 0,
        hasData: held.hasData,
        hasLockFolder: held.lock !== undefined,
      }
    },
    placeTree: async (app, tree, secretValue) => {
      for (const { content } of Object.values(tree.files)) {
        if ('sha256' in content) blob(app, content.sha256)
        else if ('secret' in content) await secretValue(content.secret, content.version)
      }
      const held = project(app)
      ;(tree.isSecret ? held.secretTrees : held.trees).set(tree.digest, tree)
    },
    changeData: async (app, changes) => changes.map((wanted) => change(app, wanted)),
    removeTrees: async (app, trees, secretTrees) => {
      for (const digest of trees) project(app).trees.delete(digest)
      for (const digest of secretTrees) project(app).secretTrees.delete(digest)
    },
    makeLockFolder: async (app) => {
      project(app).lock ??= null
    },
    lock: async (app) => project(app).lock ?? undefined,
    removeProject: async (app, { data }) => {
      const held = project(app)
      held.trees.clear()
      held.secretTrees.clear()
      held.blobs.clear()
      delete held.lock
      if (data) projects.delete(app)
    },
    controls: {
      write: (app, path, text) => {
        project(app).hasData = true
        project(app).data.set(path, Buffer.from(text))
      },
      lock: (app, file) => {
        project(app).lock = file
      },
      link: (app, path) => void project(app).links.add(path),
      wipe: (app) => {
        project(app).data.clear()
        project(app).hasData = false
      },
      read: (app, path) => {
        const content = project(app).data.get(path)
        return content instanceof Uint8Array ? Buffer.from(content).toString() : undefined
      },
      forgetSecrets: () => {
        for (const held of projects.values()) held.secretTrees.clear()
      },
    },
  }
}
