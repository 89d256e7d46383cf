/** What an operator does with a site, on the machine that has its folder: tokens, revocations, and what was issued. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { defined } from '../../src/defined.ts'
import { writeRevocationList } from '../../src/pki/authority.ts'
import { fingerprintOf, readCertificate } from '../../src/pki/read-certificate.ts'
import { hashOfSecret, newToken, tokenText } from '../../src/pki/token.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { isRevoked } from './judge-request.ts'
import { type Issued, readLedger } from './ledger.ts'
import { readRevocations, readTokens, removeRecord, writeRecord } from './records.ts'
import { type SiteFiles, writeSiteFile } from './site-files.ts'

export type TokenInput = {
  readonly uses: number
  readonly lifetimeMs: number
  readonly device: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** epoch ms */
  readonly nowMs: number
}

/** The text of a new token; of its secret only a hash is kept. @throws LongshoreError file-unreadable, file-unwritable */
export const createToken = async (files: SiteFiles, input: TokenInput): Promise<string> => {
  const token = newToken(fingerprintOf(await read(files.authorityCertificate)))
  const revocations = await readRevocations(files.revoked)
  // Younger than every revocation, also where the clock was set back: who is revoked may come again with it.
  const readable = [...revocations.values()].filter(({ at }) => at < Number.MAX_SAFE_INTEGER)
  const createdAt = Math.max(input.nowMs, ...readable.map(({ at }) => at + 1))
  await writeRecord(files.tokens, token.id, {
    secret: hashOfSecret(token.secret),
    createdAt,
    expiresAt: input.nowMs + input.lifetimeMs,
    uses: input.uses,
    labels: { ...input.labels },
    ...defined({ device: input.device }),
  })
  return tokenText(token)
}

export type TokenView = {
  readonly id: string
  readonly used: number
  readonly uses: number
  /** epoch ms */
  readonly expiresAt: number
  readonly device?: string | undefined
  readonly labels: Readonly<Record<string, string>>
}

/** @throws LongshoreError file-unreadable */
export const listTokens = async (files: SiteFiles): Promise<TokenView[]> => {
  const [tokens, ledger] = await Promise.all([readTokens(files.tokens), readLedger(files.ledger)])
  return [...tokens]
    .map(([id, { uses, expiresAt, device, labels }]) => {
      const used = ledger.filter(({ token }) => token === id).length
      return { id, used, uses, expiresAt, device, labels }
    })
    .sort((one, other) => one.expiresAt - other.expiresAt)
}

/** Nobody comes in with it any more; who came keeps his certificate. @throws LongshoreError usage: there is none */
export const revokeToken = (files: SiteFiles, id: string): Promise<void> => removeRecord(files.tokens, id)

/**
 * Every certificate of the device, and every token that was made before: a broker that runs ends its connections at once.
 * @throws LongshoreError usage (none was issued), file-unreadable, file-unwritable
 */
export const revokeDevice = async (files: SiteFiles, device: string, nowMs: number): Promise<void> => {
  const ledger = await readLedger(files.ledger)
  const own = ledger.filter((issued) => issued.device === device)
  if (own.length === 0) throw new LongshoreError('usage', `no certificate was issued to ${device}`)
  const at = Math.max(nowMs, ...own.map(({ since }) => since))
  await writeRecord(files.revoked, device, { at })
  await publishList(files, ledger, nowMs)
}

export type CertificateView = {
  readonly device: string
  readonly serial: string
  /** epoch ms */
  readonly notAfter: number
  readonly state: 'valid' | 'expired' | 'revoked'
}

/** Of each device the newest, or with `all` every one. @throws LongshoreError file-unreadable, config-invalid */
export const listCertificates = async (
  files: SiteFiles,
  { all, nowMs }: { readonly all: boolean; readonly nowMs: number },
): Promise<CertificateView[]> => {
  const [ledger, revocations] = await Promise.all([readLedger(files.ledger), readRevocations(files.revoked)])
  const shown = all ? ledger : [...new Map(ledger.map((issued) => [issued.device, issued])).values()]
  return shown
    .map((issued) => {
      const { device, serial, notAfter } = issued
      const state = isRevoked(revocations.get(device), issued) ? 'revoked' : notAfter > nowMs ? 'valid' : 'expired'
      return { device, serial, notAfter, state } as const
    })
    .sort((one, other) =>
      one.device < other.device ? -1 : one.device > other.device ? 1 : one.notAfter - other.notAfter,
    )
}

/** Where devices find the broker, as far as its folder says. @throws LongshoreError file-unreadable */
export const brokerAddress = async (files: SiteFiles): Promise<string> => {
  const { commonName } = readCertificate(await read(files.brokerCertificate))
  const port = /^ +port: (\d+)$/m.exec(await read(files.config))?.[1] ?? '8883'
  return `mqtts://${isIP(commonName ?? '') === 6 ? `[${commonName}]` : commonName}:${port}`
}

/** For other brokers; ours has the revocations themselves. */
const publishList = async (files: SiteFiles, ledger: readonly Issued[], nowMs: number): Promise<void> => {
  const [certificate, key] = await Promise.all([read(files.authorityCertificate), read(files.authorityKey)])
  const revocations = await readRevocations(files.revoked)
  const revoked = ledger.flatMap((issued) => {
    const revocation = revocations.get(issued.device)
    return revocation !== undefined && isRevoked(revocation, issued)
      ? [{ serial: issued.serial, at: Math.min(revocation.at, nowMs) }]
      : []
  })
  await writeSiteFile(files.revocationList, await writeRevocationList({ certificate, key }, revoked, nowMs), 0o644)
}

const read = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const said = `${file}: ${whyUnreadable(error)}; longshore broker init makes it, and --dir names its folder`
    throw new LongshoreError('file-unreadable', said, { cause: error })
  }
}
