/** The folder of an outbox on a real disk. */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutboxFiles } from './files.ts'

/** Makes the folder where there is none, when something is written. */
export const diskOutboxFiles = (folder: string): OutboxFiles => {
  const pathOf = (name: string): string => join(folder, name)

  const syncFolder = async (): Promise<void> => {
    const directory = await open(folder, 'r')
    await directory.sync().finally(() => directory.close())
  }

  return {
    list: async () => {
      const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
      return Promise.all(names.map(async (name) => ({ name, bytes: (await stat(pathOf(name))).size })))
    },
    create: async (name) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = await open(pathOf(name), 'ax', 0o600)
      const { ino, dev } = await file.stat()
      let isNamed = false
      return {
        append: async (bytes) => {
          for (let from = 0; from < bytes.length; ) {
            const { bytesWritten } = await file.write(bytes, from)
            from += bytesWritten
          }
        },
        sync: async () => {
          await file.datasync()
          if (!isNamed) await syncFolder()
          isNamed = true
        },
        isThere: async () => {
          try {
            const found = await stat(pathOf(name))
            return found.ino === ino && found.dev === dev
          } catch (error) {
            return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
          }
        },
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      }
    },
    read: async (name, offset, length, into) => {
      const file = await open(pathOf(name), 'r')
      try {
        const bytes = into ?? Buffer.allocUnsafe(length)
        let filled = 0
        while (filled < length) {
          const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled)
          if (bytesRead === 0) break
          filled += bytesRead
        }
        return bytes.subarray(0, filled)
      } finally {
        await file.close()
      }
    },
    replace: async (name, bytes, isDurable) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const beside = pathOf(`${name}.new`)
      const file = await open(beside, 'w', 0o600)
      try {
        try {
          await file.writeFile(bytes)
          if (isDurable) await file.sync()
        } finally {
          await file.close()
        }
        await rename(beside, pathOf(name))
      } catch (error) {
        await rm(beside, { force: true }).catch(() => undefined)
        throw error
      }
      if (isDurable) await syncFolder()
    },
    rename: (from, to) => rename(pathOf(from), pathOf(to)),
    remove: (name) => rm(pathOf(name), { force: true }),
  }
}
