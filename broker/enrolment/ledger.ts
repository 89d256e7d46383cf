/**
 * What the authority issued, one line of JSON each: written, and on the disk, before anybody is handed a certificate. So an
 * answer that was lost can be given again, a token counts its uses, and a revocation knows what it is about.
 */
import { open, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { giveAway, writeSiteFile } from './site-files.ts'

const issuedSchema = z.object({
  serial: z.string(),
  device: z.string(),
  /** digest of its public key */
  key: z.string(),
  /** the token that it was issued for; absent: it is the renewal of another one */
  token: z.string().optional(),
  /** epoch ms: when the token was made that it goes back to, also through renewals */
  since: z.int(),
  /** epoch ms */
  issuedAt: z.int(),
  notAfter: z.int(),
  /** PEM text */
  certificate: z.string(),
})

export type Issued = z.infer<typeof issuedSchema>

/** What ran out so long ago is of no use to anybody. */
const keptMs = 90 * 86_400_000

export type Ledger = {
  readonly all: () => readonly Issued[]
  readonly ofDevice: (device: string) => readonly Issued[]
  readonly bySerial: (serial: string) => Issued | undefined
  /** @throws LongshoreError file-unwritable: nothing was issued then */
  readonly append: (issued: Issued) => Promise<void>
}

/** Leaves out what cannot be read, as a line that was cut off. @throws LongshoreError file-unreadable */
export const readLedger = async (file: string): Promise<Issued[]> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
  return text.split('\n').flatMap((line) => {
    try {
      const parsed = issuedSchema.safeParse(JSON.parse(line))
      return parsed.success ? [parsed.data] : []
    } catch {
      return []
    }
  })
}

/** For the broker, who alone writes it. @throws LongshoreError file-unreadable, file-unwritable */
export const openLedger = async (file: string, nowMs: number): Promise<Ledger> => {
  const before = await readLedger(file)
  const all = withoutOld(before, nowMs)
  if (all.length < before.length) await writeSiteFile(file, all.map(lineOf).join(''))
  const devices = new Map<string, Issued[]>()
  const index = (issued: Issued): void => {
    const ofDevice = devices.get(issued.device)
    if (ofDevice === undefined) devices.set(issued.device, [issued])
    else ofDevice.push(issued)
  }
  all.forEach(index)
  const serials = new Map(all.map((issued) => [issued.serial, issued]))
  // Behind a line that a crash cut off, too.
  let start = '\n'
  return {
    all: () => all,
    ofDevice: (device) => devices.get(device) ?? [],
    bySerial: (serial) => serials.get(serial),
    append: async (issued) => {
      try {
        await appendLine(file, start + lineOf(issued))
        start = ''
      } catch (error) {
        start = '\n'
        throw new LongshoreError('file-unwritable', `${file}: ${(error as Error).message}`, { cause: error })
      }
      all.push(issued)
      serials.set(issued.serial, issued)
      index(issued)
    },
  }
}

/**
 * Of a device the newest always stays: it says whose the name is. And no clock is believed that is ahead of everything that
 * was issued: set wrong for once, it would make the site forget its fleet.
 */
const withoutOld = (all: readonly Issued[], nowMs: number): Issued[] => {
  const newest = new Map(all.map((issued) => [issued.device, issued]))
  const now = Math.min(
    nowMs,
    all.reduce((latest, { issuedAt }) => Math.max(latest, issuedAt), 0),
  )
  return all.filter((issued) => newest.get(issued.device) === issued || issued.notAfter > now - keptMs)
}

const lineOf = (issued: Issued): string => `${JSON.stringify(issued)}\n`

const appendLine = async (file: string, line: string): Promise<void> => {
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.writeFile(line)
    await giveAway(handle, file)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
