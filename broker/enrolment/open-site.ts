/** What the broker knows of its site: the authority, the tokens, what was issued and what is revoked. Read again when it changes. */
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Authority } from '../../src/pki/authority.ts'
import { isSecret } from '../../src/pki/token.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { openReloaded } from '../reloaded.ts'
import { isRevoked, tokenFault } from './judge-request.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { type Revocation, readRevocations, readTokens, type TokenRecord } from './records.ts'
import { makeFolder, type SiteFiles } from './site-files.ts'

export type Site = {
  readonly authority: Authority
  readonly ledger: Ledger
  readonly tokens: () => ReadonlyMap<string, TokenRecord>
  readonly revocations: () => ReadonlyMap<string, Revocation>
  /** undefined: it is one of ours, in its time. Looks for new tokens first. */
  readonly tokenFault: (id: string, secret: string) => Promise<string | undefined>
  /** @param serial as plainSerial has it */
  readonly isRevoked: (name: string, serial: string) => boolean
  readonly check: () => Promise<void>
  readonly reload: () => Promise<void>
  readonly close: () => void
}

/** @throws LongshoreError file-unreadable, file-unwritable, config-invalid */
export const openSite = async (input: {
  readonly files: SiteFiles
  /** Some certificate may be revoked now that was not before. */
  readonly changed: () => void
  readonly nowMs: () => number
  readonly log: Logger
}): Promise<Site> => {
  const { files, nowMs, log } = input
  const [certificate, key] = await Promise.all([read(files.authorityCertificate), read(files.authorityKey)])
  await Promise.all([makeFolder(files.tokens), makeFolder(files.revoked)])
  const ledger = await openLedger(files.ledger, nowMs())
  const tokens = await openReloaded({
    files: [files.tokens],
    read: () => readTokens(files.tokens),
    changed: () => undefined,
    log,
  })
  const revocations = await openReloaded({
    files: [files.revoked],
    read: () => readRevocations(files.revoked),
    changed: input.changed,
    log,
  })
  const watcher = watchFolder(files.revoked, () => void revocations.check())
  return {
    authority: { certificate, key },
    ledger,
    tokens: tokens.current,
    revocations: revocations.current,
    tokenFault: async (id, secret) => {
      await tokens.check()
      const token = tokens.current().get(id)
      // Who does not know the secret learns nothing of the token.
      return tokenFault(token !== undefined && isSecret(secret, token.secret) ? token : undefined, nowMs())
    },
    isRevoked: (name, serial) => isRevoked(revocations.current().get(name), ledger.bySerial(serial)),
    check: async () => void (await Promise.all([tokens.check(), revocations.check()])),
    reload: async () => void (await Promise.all([tokens.reload(), revocations.reload()])),
    close: () => watcher?.close(),
  }
}

/** So that a revocation holds at once; where a folder cannot be watched, `check` finds it. */
const watchFolder = (folder: string, changed: () => void) => {
  try {
    const watcher = watch(folder, { persistent: false }, changed)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

const read = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
