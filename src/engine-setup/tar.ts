/** Writes a ustar archive in memory: the same entries give the same bytes. For small images, not for backups. */

export type TarEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }

const blockBytes = 512

export const writeTar = (entries: readonly TarEntry[]): Buffer =>
  // The end of an archive is two blocks of zeros.
  Buffer.concat([...entries.map(writeTarEntry), Buffer.alloc(2 * blockBytes)])

/** One entry, as it stands before others. */
export const writeTarEntry = (entry: TarEntry): Buffer =>
  entry.kind === 'file'
    ? Buffer.concat([header(entry), entry.content, Buffer.alloc(padding(entry.content.length))])
    : header(entry)

const padding = (sizeBytes: number): number => (blockBytes - (sizeBytes % blockBytes)) % blockBytes

const typeFlags = { file: '0', directory: '5', symlink: '2' } as const satisfies Record<TarEntry['kind'], string>

/** Offsets and widths: POSIX.1-1988 ustar. Numbers are octal text; owner root, time zero. */
const header = (entry: TarEntry): Buffer => {
  const block = Buffer.alloc(blockBytes)
  const write = (text: string, offset: number, width: number) => {
    if (Buffer.byteLength(text) > width) throw new RangeError(`a tar field of ${width} bytes cannot hold ${text}`)
    block.write(text, offset)
  }
  const octal = (value: number, offset: number, width: number) =>
    write(value.toString(8).padStart(width - 1, '0'), offset, width - 1)
  write(entry.path, 0, 100)
  octal(entry.kind === 'symlink' ? 0o777 : entry.mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(entry.kind === 'file' ? entry.content.length : 0, 124, 12)
  octal(0, 136, 12)
  write(typeFlags[entry.kind], 156, 1)
  if (entry.kind === 'symlink') write(entry.target, 157, 100)
  write('ustar', 257, 6)
  write('00', 263, 2)
  // The checksum counts its own eight bytes as spaces.
  block.fill(' ', 148, 156)
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  block[154] = 0
  return block
}
