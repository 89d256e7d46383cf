/** The files of the apps on the disk, and secrets in a folder in memory. All below one folder each, root's own. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { writeError } from '../store/record-file.ts'
import { sha256Of, type Tree, type TreeFile } from '../translate/project-mounts.ts'
import { makeLockFolder, readLock } from './lock-folder.ts'
import type { ChangedOutcome, DataChange, DataEntry, DataOutcome, ProjectFiles } from './project-files.ts'
import { openFolder, unsafe, within } from './safe-folder.ts'

/** A file longer than any that can have come in a release is not read: it was changed. */
const longestFile = 16 * 1024 * 1024

/**
 * @param stateFolder where projects live, on the disk
 * @param secretsFolder where secrets live, on a tmpfs; undefined: there is none, and services with secrets cannot run
 */
export const diskFiles = (stateFolder: string, secretsFolder: string | undefined): ProjectFiles => {
  const projectOf = (app: string): string => join(stateFolder, 'projects', app)
  const secretsOf = (app: string): string => join(secretsFolder ?? '/nonexistent', app)
  const pathsOf = (app: string) => ({
    data: join(projectOf(app), 'data'),
    trees: join(projectOf(app), 'trees'),
    secrets: secretsOf(app),
    lock: join(projectOf(app), 'lock'),
  })
  const swept = new Set<string>()
  const blobsOf = (app: string): string => join(projectOf(app), 'blobs')

  const contentOf = async (
    app: string,
    { content }: TreeFile,
    secretValue: (name: string, version: string) => Promise<Uint8Array>,
  ): Promise<Uint8Array> => {
    if ('text' in content) return Buffer.from(content.text)
    if ('secret' in content) return await secretValue(content.secret, content.version)
    return await readBlob(app, content.sha256)
  }

  const readBlob = async (app: string, sha256: string): Promise<Buffer> => {
    try {
      return await readFile(join(blobsOf(app), sha256))
    } catch (error) {
      throw new LongshoreError(
        'file-missing',
        `the content ${sha256.slice(0, 12)} of app ${app} is gone from the disk`,
        {
          cause: error,
        },
      )
    }
  }

  const writeTree = async (
    app: string,
    tree: Tree,
    secretValue: (name: string, version: string) => Promise<Uint8Array>,
  ): Promise<void> => {
    const { trees, secrets } = pathsOf(app)
    if (tree.isSecret && secretsFolder === undefined)
      throw new LongshoreError('secret-store-unusable', 'there is no folder in memory for secrets')
    const parent = tree.isSecret ? secrets : trees
    const place = join(parent, tree.digest)
    if (await exists(place)) return
    // Beside, then renamed: what stands under its digest is complete, also after a power cut.
    const beside = join(parent, `.${randomBytes(6).toString('hex')}`)
    // The folder around them may have been there before, for all to enter.
    if (tree.isSecret) await mkdir(parent, { recursive: true, mode: 0o700 })
    await mkdir(beside, { recursive: true, mode: 0o755 })
    try {
      for (const [path, file] of Object.entries(tree.files)) {
        const folder = await openFolder(beside, parentOf(path), { create: {} })
        if (folder === undefined) throw unsafe(path)
        try {
          const owner = { uid: file.uid ?? 0, gid: file.gid ?? 0 }
          const content = await contentOf(app, file, secretValue)
          await writeInto(folder, posix.basename(path), content, file.mode, owner)
        } finally {
          await folder.close()
        }
      }
      const whole = await open(beside, constants.O_RDONLY | constants.O_DIRECTORY)
      try {
        await whole.chmod(0o755)
        await whole.sync()
      } finally {
        await whole.close()
      }
      await rename(beside, place)
      await syncFolder(parent)
    } catch (error) {
      await rm(beside, { recursive: true, force: true })
      // Another turn may have made the same one.
      if (!(await exists(place))) throw error
    }
  }

  const changeOne = async (app: string, change: DataChange): Promise<DataOutcome> => {
    const root = pathsOf(app).data
    const done = { path: change.path, outcome: 'done' } as const
    await mkdir(root, { recursive: true, mode: 0o755 })
    if (change.kind === 'folder') {
      await (await openFolder(root, change.path, { create: { owner: change.owner } }))?.close()
      return done
    }
    const create = change.kind === 'write' ? { create: { owner: change.owner } } : {}
    const folder = await openFolder(root, parentOf(change.path), create)
    if (folder === undefined) return done // to be removed, and gone with its folder
    try {
      const name = posix.basename(change.path)
      const entry = await entryIn(folder, name)
      const found = entry.kind === 'file' ? entry.sha256 : null
      if (change.kind === 'remove') {
        if (entry.kind === 'missing') return done
        if (found !== change.found) return { path: change.path, outcome: 'changed', found }
        await rm(within(folder, name), { force: true })
        await folder.sync()
        return done
      }
      if (found === change.sha256) return done
      if (entry.kind === 'unsafe') throw unsafe(change.path)
      if (entry.kind === 'folder' && !(await removeEmptyFolder(folder, name))) throw unsafe(change.path)
      if (found !== change.found) return { path: change.path, outcome: 'changed', found } satisfies ChangedOutcome
      await writeInto(folder, name, await readBlob(app, change.sha256), change.mode, change.owner)
      return done
    } finally {
      await folder.close()
    }
  }

  return {
    paths: pathsOf,
    content: readBlob,
    keep: (app, contents, needed) =>
      asState(`keeping the files of app ${app}`, async () => {
        const folder = blobsOf(app)
        const present = new Set(await namesIn(folder))
        for (const [sha256, content] of contents) {
          if (present.has(sha256)) continue
          await mkdir(folder, { recursive: true, mode: 0o700 })
          const handle = await openFolder(folder, '')
          if (handle === undefined) throw unsafe(folder)
          try {
            await writeInto(handle, sha256, content, '0600', { uid: 0, gid: 0 })
          } finally {
            await handle.close()
          }
        }
        for (const name of present) if (!needed.has(name)) await rm(join(folder, name), { force: true })
      }),
    observe: (app, dataPaths) =>
      asState(`looking at the files of app ${app}`, async () => {
        const { data, trees, secrets } = pathsOf(app)
        if (!swept.has(app)) {
          // What an agent before this one was about to make, and did not.
          for (const folder of [trees, secrets])
            for (const name of await namesIn(folder))
              if (name.startsWith('.')) await rm(join(folder, name), { recursive: true, force: true })
          swept.add(app)
        }
        const isComplete = (name: string): boolean => !name.startsWith('.')
        // One after another: thousands at once would take as many descriptors, and all contents into memory.
        const entries: [string, DataEntry][] = []
        for (const path of dataPaths) entries.push([path, await entryAt(data, path)])
        return {
          trees: (await namesIn(trees)).filter(isComplete).sort(),
          secretTrees: secretsFolder === undefined ? [] : (await namesIn(secrets)).filter(isComplete).sort(),
          data: Object.fromEntries(entries),
          hasRelease: (await exists(trees)) || (await exists(blobsOf(app))),
          hasData: await exists(data),
          hasLockFolder: await exists(pathsOf(app).lock),
        }
      }),
    placeTree: (app, tree, secretValue) =>
      asState(`placing files of app ${app}`, () => writeTree(app, tree, secretValue)),
    changeData: (app, changes) =>
      asState(`placing files of app ${app}`, async () => {
        const outcomes: DataOutcome[] = []
        for (const change of changes) outcomes.push(await changeOne(app, change))
        return outcomes
      }),
    removeTrees: (app, unused, unusedSecrets) =>
      asState(`removing files of app ${app}`, async () => {
        const { trees, secrets } = pathsOf(app)
        for (const digest of unused) await rm(join(trees, digest), { recursive: true, force: true })
        for (const digest of unusedSecrets) await rm(join(secrets, digest), { recursive: true, force: true })
      }),
    makeLockFolder: (app) => asState(`making the lock folder of app ${app}`, () => makeLockFolder(pathsOf(app).lock)),
    lock: (app) => asState(`looking at the lock of app ${app}`, () => readLock(pathsOf(app).lock)),
    removeProject: (app, { data }) =>
      asState(`removing the files of app ${app}`, async () => {
        const { trees, secrets, lock, data: dataFolder } = pathsOf(app)
        for (const folder of [trees, blobsOf(app), lock, ...(data ? [dataFolder] : [])])
          await rm(folder, { recursive: true, force: true })
        if (secretsFolder !== undefined) await rm(secrets, { recursive: true, force: true })
        if (data) await rm(projectOf(app), { recursive: true, force: true })
      }),
  }
}

const parentOf = (path: string): string => {
  const parent = posix.dirname(path)
  return parent === '.' ? '' : parent
}

/**
 * Written beside under a name of ours, flushed, renamed over: a reader sees the old file or the new one. The name is the
 * same each time, so that what a power cut leaves is gone with the next try.
 */
const writeInto = async (
  folder: FileHandle,
  name: string,
  content: Uint8Array,
  mode: string,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> => {
  const beside = within(folder, `.longshore-${sha256Of(name).slice(0, 12)}`)
  await rm(beside, { force: true })
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(beside, flags, 0o600)
  try {
    await file.writeFile(content)
    if (owner !== undefined && (owner.uid !== 0 || owner.gid !== 0)) await file.chown(owner.uid, owner.gid)
    await file.chmod(Number.parseInt(mode, 8))
    await file.sync()
    await rename(beside, within(folder, name))
    await folder.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/** A folder with nothing but empty folders in it. False: something else is there, which stays. */
const removeEmptyFolder = async (parent: FileHandle, name: string): Promise<boolean> => {
  const folder = await openFolder(within(parent, name), '')
  if (folder === undefined) return true
  try {
    for (const inner of await readdir(within(folder, '.'), { withFileTypes: true }))
      if (!inner.isDirectory() || !(await removeEmptyFolder(folder, inner.name))) return false
  } finally {
    await folder.close()
  }
  await rmdir(within(parent, name))
  return true
}

const entryAt = async (root: string, path: string): Promise<DataEntry> => {
  if (!(await exists(root))) return { kind: 'missing' }
  if (path === '') return { kind: 'folder' }
  try {
    const folder = await openFolder(root, parentOf(path))
    if (folder === undefined) return { kind: 'missing' }
    try {
      return await entryIn(folder, posix.basename(path))
    } finally {
      await folder.close()
    }
  } catch (error) {
    if (error instanceof LongshoreError && error.code === 'path-unsafe') return { kind: 'unsafe' }
    throw error
  }
}

/** Never waits for a pipe, never follows a link. */
const entryIn = async (folder: FileHandle, name: string): Promise<DataEntry> => {
  const path = within(folder, name)
  try {
    const seen = await lstat(path)
    if (seen.isDirectory()) return { kind: 'folder' }
    if (!seen.isFile()) return { kind: 'unsafe' }
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) return { kind: 'unsafe' }
      if (stat.size > longestFile) return { kind: 'file', sha256: `${stat.size} bytes` }
      return {
        kind: 'file',
        sha256: sha256Of(await file.readFile()),
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { kind: 'missing' }
    if (code === 'ELOOP') return { kind: 'unsafe' }
    throw error
  }
}

const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const asState = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof LongshoreError) throw error
    throw writeError(error, doing)
  }
}
