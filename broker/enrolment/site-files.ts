/**
 * The folder of a site, which `longshore broker init` makes. Who writes what: tokens and revocations the command, one file
 * each, so that two commands at once lose nothing; the ledger of what was issued the broker alone.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LongshoreError } from '../../src/protocol/reason.ts'

export const siteFiles = (folder: string) => ({
  folder,
  authorityCertificate: join(folder, 'ca.pem'),
  authorityKey: join(folder, 'ca.key'),
  /** with the authority behind it, by which a device knows the broker */
  brokerCertificate: join(folder, 'broker.pem'),
  brokerKey: join(folder, 'broker.key'),
  revocationList: join(folder, 'crl.pem'),
  users: join(folder, 'users'),
  access: join(folder, 'access.yaml'),
  config: join(folder, 'broker.yaml'),
  state: join(folder, 'state'),
  tokens: join(folder, 'tokens'),
  revoked: join(folder, 'revoked'),
  ledger: join(folder, 'issued.jsonl'),
})

export type SiteFiles = ReturnType<typeof siteFiles>

/** The folder belongs to whom the parent does, as everything in it: root writes, and the user of the broker must read. */
export const makeFolder = async (folder: string, mode = 0o700): Promise<void> => {
  const made = await mkdir(folder, { recursive: true, mode })
  if (made === undefined) return
  const handle = await open(folder, 'r')
  try {
    await giveAway(handle, folder)
  } finally {
    await handle.close()
  }
}

/**
 * As a whole or not at all, and on the disk when it returns; the file belongs to whom its folder does.
 * @param mode default: for him alone
 * @throws LongshoreError file-unwritable
 */
export const writeSiteFile = async (file: string, text: string, mode = 0o600): Promise<void> => {
  const beside = `${file}.${randomUUID()}.tmp`
  try {
    const handle = await open(beside, 'wx', mode)
    try {
      await handle.writeFile(text)
      await giveAway(handle, file)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
    const folder = await open(dirname(file), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined)
    throw new LongshoreError('file-unwritable', `${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** To whom the folder around it belongs. The broker itself may not even try: its unit forbids the call. */
export const giveAway = async (handle: FileHandle, path: string): Promise<void> => {
  const [own, wanted] = await Promise.all([handle.stat(), stat(dirname(path))])
  if (own.uid !== wanted.uid || own.gid !== wanted.gid) await handle.chown(wanted.uid, wanted.gid)
}
