/**
 * Makes the folder of a site: its authority, the certificate of the broker, the first operator and a configuration to run
 * with. What is there already is left as it is, so that it goes on where it was cut off, and is done when it is run again.
 */
import { randomBytes } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { issueServer, newAuthority, writeRevocationList } from '../../src/pki/authority.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { defaultRoot } from '../../src/protocol/topics.ts'
import { checkUserName, hashPassword } from '../access/password-file.ts'
import { isLoopback } from '../rules.ts'
import { makeFolder, type SiteFiles, siteFiles, writeSiteFile } from './site-files.ts'

export type SiteInput = {
  /** absolute */
  readonly folder: string
  /** by which the broker is reached: host names and addresses */
  readonly names: readonly string[]
  readonly port: number
  readonly root: string
  readonly operator: string
  /** epoch ms */
  readonly nowMs: number
}

export type MadeSite = {
  readonly files: SiteFiles
  readonly made: readonly string[]
  readonly kept: readonly string[]
  /** PEM text */
  readonly authority: string
  /** of the operator, who is in no file but hashed; undefined: there are users already */
  readonly password?: string
}

const forAll = 0o644

/** @throws LongshoreError usage, config-invalid, file-unwritable */
export const initSite = async ({ folder, names, port, root, operator, nowMs }: SiteInput): Promise<MadeSite> => {
  checkUserName(operator)
  const files = siteFiles(folder)
  const made: string[] = []
  const kept: string[] = []
  /** Made if it is not there. */
  const provide = async (file: string, make: () => Promise<void>): Promise<void> => {
    const isThere = await exists(file)
    if (!isThere) await make()
    ;(isThere ? kept : made).push(file)
  }
  await attempt(folder, async () => {
    await makeFolder(folder, 0o755)
    await Promise.all([makeFolder(files.tokens), makeFolder(files.revoked)])
  })
  await provide(files.authorityCertificate, async () => {
    const { certificate, key } = await newAuthority(nowMs)
    await writeSiteFile(files.authorityKey, key)
    await writeSiteFile(files.authorityCertificate, certificate, forAll)
  })
  if (!(await exists(files.authorityKey)))
    throw new LongshoreError(
      'config-invalid',
      `${files.authorityCertificate} is there, but not its key: ${files.authorityKey}`,
    )
  const certificate = await readFile(files.authorityCertificate, 'utf8')
  const authority = { certificate, key: await readFile(files.authorityKey, 'utf8') }
  await provide(files.brokerCertificate, async () => {
    const server = await issueServer(authority, names, nowMs)
    await writeSiteFile(files.brokerKey, server.key)
    await writeSiteFile(files.brokerCertificate, `${server.certificate}${certificate}`, forAll)
  })
  await provide(files.revocationList, async () =>
    writeSiteFile(files.revocationList, await writeRevocationList(authority, [], nowMs), forAll),
  )
  await provide(files.access, () => writeSiteFile(files.access, accessText(root, operator)))
  await provide(files.config, () => writeSiteFile(files.config, configText(files, names, port), forAll))
  // At the end: whoever runs it again after a failure has not been told the password.
  let password: string | undefined
  await provide(files.users, async () => {
    password = randomBytes(18).toString('base64url')
    await writeSiteFile(files.users, `${operator}:${await hashPassword(Buffer.from(password))}\n`)
  })
  return { files, made, kept, authority: certificate, ...(password === undefined ? {} : { password }) }
}

const accessText = (root: string, operator: string): string =>
  `# Who is more, or less, than the device of his name: docs/broker.md, "Who may do what". Read again when it changes.
${root === defaultRoot ? '' : `root: ${JSON.stringify(root)}\n`}users:
  ${JSON.stringify(operator)}: { role: operator }
`

const configText = (files: SiteFiles, names: readonly string[], port: number): string => {
  const hasVersion6 = names.some((name) => isIP(name) === 6 && !isLoopback(name))
  const [cert, key, clientCa] = [files.brokerCertificate, files.brokerKey, files.authorityCertificate].map((file) =>
    JSON.stringify(file),
  )
  return `# The broker of this site. Every setting: docs/broker.md
listeners:
  # For other machines: devices with their certificates, or a token for enrolment; people with passwords.
  - type: tls
    host: ${hasVersion6 ? "'::'" : '0.0.0.0'}
    port: ${port}
    tls: { cert: ${cert}, key: ${key}, clientCa: ${clientCa} }
# longshore broker passwd FILE NAME
users: ${JSON.stringify(files.users)}
access: ${JSON.stringify(files.access)}
# longshore enroll token
enrolment:
  folder: ${JSON.stringify(files.folder)}
  # How long the certificate of a device is good for. It is renewed after two thirds; a device may be offline for the last third.
  # lifetimeS: 31536000
state: ${JSON.stringify(files.state)}
`
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

const attempt = async (folder: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    throw new LongshoreError('file-unwritable', `${folder}: ${(error as Error).message}`, { cause: error })
  }
}
