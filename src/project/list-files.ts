/**
 * Which files a deployment carries: names and sizes only, nothing is opened. What a Compose file names is found, folders
 * are walked, links that stay inside are followed, and all that cannot travel is said at once.
 */
import { readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { WantedPath } from './collect-files.ts'
import type { FileFault } from './files-error.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import { locate, type Place, unreadable } from './inside.ts'
import { decodeUtf8, printable } from './printable.ts'

/** `real` has no link in it. */
export type FoundFile = {
  readonly path: string
  readonly real: string
  readonly sizeBytes: number
  readonly at: string
}

export type Listing = {
  /** sorted by path */
  readonly files: readonly FoundFile[]
  readonly faults: readonly FileFault[]
  readonly notes: readonly string[]
}

/** More than this is a folder that was not meant to travel, such as node_modules. */
export const mostFiles = 2_000

/** Folders that link to each other could be walked for ever without a file being found. */
export const mostFolders = 2_000

/** Longer ones are refused, whatever the device's file system would take. */
export const mostPathBytes = 1_024

const ignoreRemedy = 'rename or remove it, or name it in .longshoreignore'

/** `root` is a real path. Never throws for what stands in the folder: that is in `faults`. */
export const listFiles = async (root: string, written: readonly WantedPath[], rules: IgnoreRules): Promise<Listing> => {
  const wanted = written.map((one) => ({ ...one, path: posix.join(one.path, '.').replace(/(?<=.)\/$/, '') }))
  const files = new Map<string, FoundFile>()
  const faults = new Map<string, FileFault>()
  const walked = new Set<string>()
  const empty: string[] = []
  const ignoredYetNamed: string[] = []
  const named = new Set(wanted.filter(({ seed }) => seed).map(({ path }) => path))
  // What one mount holds back, another that has it somewhere below does not send either.
  const heldBack = new Set(wanted.filter(({ seed, path }) => !seed && !named.has(path)).map(({ path }) => path))

  const fault = (path: string, at: string, code: FileFault['code'], why: string, remedy?: string): void => {
    const key = `${code} ${path}`
    const shown = printable(path)
    if (!faults.has(key))
      faults.set(key, {
        code,
        path: shown,
        at,
        message: `${shown} ${why}`,
        ...(remedy === undefined ? {} : { remedy }),
      })
  }
  const isFull = (): boolean => files.size > mostFiles || walked.size > mostFolders

  const take = async (path: string, at: string, place: Place, above: readonly string[]): Promise<void> => {
    switch (place.kind) {
      case 'absent':
        return // between the list of its folder and now; a wanted path is judged before
      case 'fault':
        return fault(path, at, place.code, place.why, place.remedy)
      case 'there':
        if (place.type === 'folder') return await walk(path, at, place.real, above)
        if (place.type !== 'file')
          return fault(path, at, 'file-unsuitable', `is a ${place.type}, not a file`, ignoreRemedy)
        if (!files.has(path)) files.set(path, { path, at, real: place.real, sizeBytes: place.sizeBytes })
    }
  }

  const walk = async (folder: string, at: string, real: string, above: readonly string[]): Promise<void> => {
    if (above.includes(real))
      return fault(folder, at, 'file-unsuitable', 'is a link to a folder that it stands in', ignoreRemedy)
    if (walked.has(folder)) return
    walked.add(folder)
    let names: Buffer[]
    try {
      names = await readdir(real, { encoding: 'buffer' })
    } catch (error) {
      const { code, why } = unreadable(error)
      return fault(folder, at, code, why)
    }
    if (names.length === 0 && above.length > 0) empty.push(folder)
    for (const name of names.sort(Buffer.compare)) {
      if (isFull()) return
      await enter(folder, at, name, [...above, real])
    }
  }

  const enter = async (folder: string, at: string, bytes: Buffer, above: readonly string[]): Promise<void> => {
    const name = decodeUtf8(bytes)
    const path = within(folder, name ?? bytes.toString())
    if (heldBack.has(path) || rules.isIgnored(path, false)) return
    // A rule with a slash at its end is for folders; a link may be one, and must be ignorable wherever it leads.
    const mayBeFolder = rules.isIgnored(path, true)
    const real = above.at(-1) ?? root
    if (name === undefined) {
      const shown = within(printable(folder), printable(bytes))
      return fault(shown, at, 'file-unsuitable', 'has a name that is not UTF-8', ignoreRemedy)
    }
    const why = whyUnfit(path)
    if (why !== undefined && !mayBeFolder) return fault(path, at, 'file-unsuitable', why, ignoreRemedy)
    const place = await locate(root, real, [name])
    const isPlainFile = place.kind === 'there' && place.type === 'file' && place.real === join(real, name)
    if (mayBeFolder && !isPlainFile) return
    if (why !== undefined) return fault(path, at, 'file-unsuitable', why, ignoreRemedy)
    await take(path, at, place, above)
  }

  for (const { path, at, mustExist, seed } of wanted) {
    if (isFull()) break
    if (posix.isAbsolute(path) || path.split('/').includes('..')) {
      fault(path, at, 'file-outside', 'is outside the project folder')
      continue
    }
    if (!seed) continue
    const why = whyUnfit(path)
    if (why !== undefined) {
      fault(path, at, 'file-unsuitable', why)
      continue
    }
    const place = await locate(root, root, path === '.' ? [] : path.split('/'))
    if (place.kind === 'absent') {
      if (mustExist) fault(path, at, 'file-unreadable', 'is not there')
      continue
    }
    const isFolder = place.kind === 'there' && place.type === 'folder'
    if (isFolder && rules.isIgnored(path, true)) continue
    if (!isFolder && place.kind === 'there' && rules.isIgnored(path, false)) ignoredYetNamed.push(printable(path))
    await take(path, at, place, [])
  }

  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const readable = sorted.map(({ path }) => path).filter((path) => !named.has(path) && posix.basename(path) === '.env')
  return {
    files: sorted,
    faults: [...(isFull() ? [tooMany(sorted)] : []), ...faults.values()],
    notes: [
      ...(empty.length === 0 ? [] : [`empty folders do not travel: ${someOf(empty.map(printable))}`]),
      ...(ignoredYetNamed.length === 0
        ? []
        : [`sent though .longshoreignore has it, because the Compose file names it: ${someOf(ignoredYetNamed)}`]),
      ...(readable.length === 0
        ? []
        : [`whoever may read the topic can read ${someOf(readable)}: name it in .longshoreignore if it holds secrets`]),
    ],
  }
}

const within = (folder: string, name: string): string => (folder === '.' ? name : `${folder}/${name}`)

const whyUnfit = (path: string): string | undefined => {
  if (/\p{Cc}/u.test(path)) return 'has a control character in its name'
  // No parser of JSON gives this back as a key of its own.
  if (path === '__proto__') return 'has a name that cannot be sent'
  const bytes = Buffer.byteLength(path)
  return bytes > mostPathBytes ? `is a path of ${bytes} bytes, the most is ${mostPathBytes}` : undefined
}

const tooMany = (files: readonly FoundFile[]): FileFault => {
  const counts = new Map<string, number>()
  for (const { path } of files) {
    const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : '.'
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  const [fullest = '.'] = [...counts].sort(([, a], [, b]) => b - a).map(([folder]) => folder)
  const what = files.length > mostFiles ? `${mostFiles} files` : `${mostFolders} folders`
  return {
    code: 'files-too-large',
    path: printable(fullest),
    at: files.find(({ path }) => path.startsWith(`${fullest}/`))?.at ?? files[0]?.at ?? '',
    message: `more than ${what} would travel, most of them in ${fullest === '.' ? 'the project folder itself' : printable(fullest)}`,
  }
}

const someOf = (paths: readonly string[]): string =>
  paths.length <= 5 ? paths.join(', ') : `${paths.slice(0, 5).join(', ')} and ${paths.length - 5} more`
