/**
 * Reads files of the kernel, each of which may vanish in mid-read, hold any bytes, or never end: a file that cannot be read
 * is one that is not there. Paths are those of the described machine.
 */
import { close, constants, open, read } from 'node:fs'
import { readdir, readlink, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type HostRoot, locate } from './host-root.ts'

export type HostFiles = {
  /** Trimmed, at most 1 MiB, without what no text holds. */
  readonly text: (path: string) => Promise<string | undefined>
  /** The first line of such a text, cut to what a name may have; undefined where it is empty. */
  readonly line: (path: string) => Promise<string | undefined>
  /** Sorted; none where there is no such folder. */
  readonly names: (path: string) => Promise<readonly string[]>
  /** Where a link points, as a path of the same machine; it may point at nothing. */
  readonly target: (path: string) => Promise<string | undefined>
  /** undefined: there is no such file */
  readonly gid: (path: string) => Promise<number | undefined>
}

/** No file is read twice: what one look sees of an adapter with four ports is the same for each of them. */
export const openHostFiles = (root: HostRoot): HostFiles => {
  const once = <T>(read: (file: string, path: string) => Promise<T>, absent: T): ((path: string) => Promise<T>) => {
    const known = new Map<string, Promise<T>>()
    return (path) => {
      const before = known.get(path)
      if (before !== undefined) return before
      const reading = (async () => read(locate(root, path), path))().catch(() => absent)
      known.set(path, reading)
      return reading
    }
  }
  const text = once<string | undefined>(readText, undefined)
  return {
    text,
    line: async (path) => (await text(path))?.split('\n', 1)[0]?.slice(0, mostLineCharacters).trim() || undefined,
    names: once<readonly string[]>(async (file) => (await readdir(file)).sort(byNumber), []),
    target: once<string | undefined>(async (file, path) => resolve(dirname(path), await readlink(file)), undefined),
    gid: once<number | undefined>(async (file) => (await stat(file)).gid, undefined),
  }
}

const mostBytes = 1_048_576
/** Nearly every file of the kernel fits into the first. */
const pageBytes = 4_096
const moreBytes = 65_536
const mostLineCharacters = 200

const readText = async (file: string, path: string): Promise<string> => {
  // A pipe that nobody writes to must not hold up the look.
  const descriptor = await openFile(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const parts: Buffer[] = []
    for (let bytes = 0; bytes < mostBytes; ) {
      const length = bytes === 0 ? pageBytes : moreBytes
      const { bytesRead, buffer } = await readFrom(descriptor, Buffer.allocUnsafe(length), 0, length, null)
      parts.push(buffer.subarray(0, bytesRead))
      bytes += bytesRead
      // A file of sysfs is one page at most, and comes as a whole.
      if (bytesRead === 0 || (bytesRead < length && path.startsWith('/sys/'))) break
    }
    return plainText(Buffer.concat(parts).toString('utf8'))
  } finally {
    await closeFile(descriptor)
  }
}

// There are hundreds of them: handles, which node:fs/promises makes, cost twice as much.
const openFile = promisify(open)
const readFrom = promisify(read)
const closeFile = promisify(close)

/** The device tree ends its texts with NUL; what an adapter says of itself may be anything. */
const plainText = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ' ')
    .trim()

const collator = new Intl.Collator('en', { numeric: true })

/** ttyS2 before ttyS10. */
export const byNumber = (one: string, other: string): number =>
  collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0)
