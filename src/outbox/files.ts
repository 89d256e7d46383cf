/** What the outbox does to its folder; everything behind it can be a disk, or memory with a power cut. */

export type OutboxFiles = {
  /** Files only, by name, with their length in bytes. */
  readonly list: () => Promise<{ readonly name: string; readonly bytes: number }[]>
  /** A new file to append to. Rejects where there is one. */
  readonly create: (name: string) => Promise<AppendFile>
  /** Fewer bytes where the file ends. @param into may be used for what is handed back; has the length */
  readonly read: (name: string, offset: number, length: number, into?: Buffer) => Promise<Buffer>
  /** The whole file at once: after a crash it is the old one or the new one. `isDurable`: and on disk when this resolves. */
  readonly replace: (name: string, bytes: Buffer, isDurable: boolean) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  /** No file is no error. */
  readonly remove: (name: string) => Promise<void>
}

export type AppendFile = {
  readonly append: (bytes: Buffer) => Promise<void>
  /** What was appended is on disk when this resolves, and so is the name of the file. */
  readonly sync: () => Promise<void>
  /** Whether who reads the folder would still find it under its name. */
  readonly isThere: () => Promise<boolean>
  readonly truncate: (bytes: number) => Promise<void>
  readonly close: () => Promise<void>
}
