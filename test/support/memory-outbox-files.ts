/**
 * A folder in memory that remembers what was not synced: after a power cut each such write may be there, be cut off or be
 * missing, whatever became of those before it, and so may each change of a name.
 */
import type { OutboxFiles } from '../../src/outbox/files.ts'

type Inode = { durable: Buffer; pending: { readonly offset: number; readonly bytes: Buffer }[] }
type Names = Map<string, Inode>
type Operation = 'list' | 'create' | 'append' | 'sync' | 'truncate' | 'read' | 'replace' | 'rename' | 'remove'

export type MemoryOutboxFiles = OutboxFiles & {
  /** Something to throw instead of doing it. */
  fault: ((operation: Operation, name: string) => Error | undefined) | undefined
  readonly names: () => string[]
  readonly contentOf: (name: string) => Buffer
  readonly put: (name: string, bytes: Buffer) => void
  readonly writtenBytes: () => number
  /** A copy as it is now: nothing is lost by a kill. */
  readonly afterKill: () => MemoryOutboxFiles
  /** @param random from 0 to 1 */
  readonly afterPowerCut: (random: () => number) => MemoryOutboxFiles
}

const withWrites = (start: Buffer, writes: Inode['pending']): Buffer => {
  let content = start
  for (const { offset, bytes } of writes) {
    if (offset + bytes.length > content.length)
      content = Buffer.concat([content, Buffer.alloc(offset + bytes.length - content.length)])
    else content = Buffer.from(content)
    bytes.copy(content, offset)
  }
  return content
}

const contentOf = ({ durable, pending }: Inode): Buffer => withWrites(durable, pending)

export const diskFullError = (): Error =>
  Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })

export const memoryOutboxFiles = (start: ReadonlyMap<string, Buffer> = new Map()): MemoryOutboxFiles => {
  const names: Names = new Map([...start].map(([name, durable]) => [name, { durable, pending: [] }]))
  let durableNames: Names = new Map(names)
  let pendingNames: ((map: Names) => void)[] = []
  let written = 0

  const change = (work: (map: Names) => void): void => {
    work(names)
    pendingNames.push(work)
  }
  const syncNames = (): void => {
    durableNames = new Map(names)
    pendingNames = []
  }
  const at = (name: string): Inode => {
    const inode = names.get(name)
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' })
    return inode
  }
  const check = (operation: Operation, name: string): void => {
    const error = files.fault?.(operation, name)
    if (error !== undefined) throw error
  }

  const files: MemoryOutboxFiles = {
    fault: undefined,
    list: async () => {
      check('list', '')
      return [...names].map(([name, inode]) => ({ name, bytes: contentOf(inode).length }))
    },
    create: async (name) => {
      check('create', name)
      if (names.has(name)) throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' })
      const inode: Inode = { durable: Buffer.alloc(0), pending: [] }
      change((map) => map.set(name, inode))
      let length = 0
      let isNamed = false
      return {
        append: async (bytes) => {
          // Half of it is there when the disk is full.
          const error = files.fault?.('append', name)
          const part = error === undefined ? bytes : bytes.subarray(0, bytes.length >> 1)
          inode.pending.push({ offset: length, bytes: Buffer.from(part) })
          length += part.length
          written += part.length
          if (error !== undefined) throw error
        },
        sync: async () => {
          check('sync', name)
          inode.durable = contentOf(inode)
          inode.pending = []
          if (!isNamed) syncNames()
          isNamed = true
        },
        isThere: async () => names.get(name) === inode,
        truncate: async (bytes) => {
          check('truncate', name)
          inode.durable = Buffer.from(contentOf(inode).subarray(0, bytes))
          inode.pending = []
          length = bytes
        },
        close: async () => undefined,
      }
    },
    read: async (name, offset, length) => {
      check('read', name)
      return Buffer.from(contentOf(at(name)).subarray(offset, offset + length))
    },
    replace: async (name, bytes, isDurable) => {
      check('replace', name)
      written += bytes.length
      const inode: Inode = isDurable
        ? { durable: Buffer.from(bytes), pending: [] }
        : { durable: Buffer.alloc(0), pending: [{ offset: 0, bytes: Buffer.from(bytes) }] }
      change((map) => map.set(name, inode))
      if (isDurable) syncNames()
    },
    rename: async (from, to) => {
      check('rename', from)
      const inode = at(from)
      change((map) => {
        map.delete(from)
        map.set(to, inode)
      })
    },
    remove: async (name) => {
      check('remove', name)
      change((map) => map.delete(name))
    },
    names: () => [...names.keys()].sort(),
    contentOf: (name) => contentOf(at(name)),
    put: (name, bytes) => change((map) => map.set(name, { durable: bytes, pending: [] })),
    writtenBytes: () => written,
    afterKill: () => memoryOutboxFiles(new Map([...names].map(([name, inode]) => [name, contentOf(inode)]))),
    afterPowerCut: (random) => {
      const map = new Map(durableNames)
      for (const work of pendingNames) if (random() < 0.5) work(map)
      const survive = ({ durable, pending }: Inode): Buffer =>
        withWrites(
          durable,
          pending.flatMap(({ offset, bytes }) => {
            const fate = random()
            if (fate < 0.35) return []
            return [{ offset, bytes: fate < 0.7 ? bytes : bytes.subarray(0, Math.floor(random() * bytes.length)) }]
          }),
        )
      return memoryOutboxFiles(new Map([...map].map(([name, inode]) => [name, survive(inode)])))
    },
  }
  return files
}
