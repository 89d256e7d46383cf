/** The authority of a site: makes itself, certificates of servers and clients, and the list of those that are revoked. */
import { randomBytes, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { PublicKey } from '@peculiar/x509'
import { keyPem, newKeyPair, readKeyPair, signingAlgorithm } from './keys.ts'
import { loadX509 } from './load-x509.ts'
import { plainSerial } from './read-certificate.ts'

/** PEM text */
export type Authority = { readonly certificate: string; readonly key: string }

/**
 * A device without a battery for its clock begins in 1970, and must take the certificate of the broker all the same. The
 * end is what counts, and when one was issued stands in the ledger.
 */
const notBefore = new Date(0)

const yearMs = 365.25 * 86_400_000

/** Of the authority and of servers, whose certificates nobody renews by himself. */
const longMs = 20 * yearMs

export const newAuthority = async (nowMs: number): Promise<Authority> => {
  const x509 = await loadX509()
  const keys = await newKeyPair()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // Two sites in one list of authorities must not be taken for each other.
    name: [{ CN: [`longshore site ${randomBytes(4).toString('hex')}`] }],
    notBefore,
    notAfter: new Date(nowMs + longMs),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: pemText(certificate.toString('pem')), key: keyPem(keys.privateKey) }
}

/** @param names host names and addresses; the first is its common name */
export const issueServer = async (
  authority: Authority,
  names: readonly string[],
  nowMs: number,
): Promise<{ readonly certificate: string; readonly key: string }> => {
  const x509 = await loadX509()
  const keys = await newKeyPair()
  const certificate = await issue(authority, {
    commonName: names[0] ?? 'localhost',
    publicKey: keys.publicKey,
    notAfter: new Date(nowMs + longMs),
    usage: x509.ExtendedKeyUsage.serverAuth,
    names,
  })
  return { certificate, key: keyPem(keys.privateKey) }
}

/** @param request as PEM text, judged before (readRequest). @param notAfter epoch ms */
export const issueClient = async (
  authority: Authority,
  {
    request,
    commonName,
    notAfter,
  }: { readonly request: string; readonly commonName: string; readonly notAfter: number },
): Promise<string> => {
  const x509 = await loadX509()
  const { publicKey } = new x509.Pkcs10CertificateRequest(request)
  const usage = x509.ExtendedKeyUsage.clientAuth
  return issue(authority, { commonName, publicKey, notAfter: new Date(notAfter), usage, names: [] })
}

/** For brokers that know revoked certificates by such a list alone. @param serials hexadecimal */
export const writeRevocationList = async (
  authority: Authority,
  revoked: readonly { readonly serial: string; readonly at: number }[],
  nowMs: number,
): Promise<string> => {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificate)
  const { privateKey } = await readKeyPair(authority.key)
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subject,
    thisUpdate: notBefore,
    // Mosquitto lets in nobody with a list that has run out.
    nextUpdate: new Date(nowMs + longMs),
    signingAlgorithm,
    signingKey: privateKey,
    entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: new Date(at) })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)],
  })
  // The library calls it CRL, OpenSSL reads X509 CRL alone.
  return pemText(list.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----'))
}

const issue = async (
  authority: Authority,
  input: {
    readonly commonName: string
    readonly publicKey: webcrypto.CryptoKey | PublicKey
    readonly notAfter: Date
    readonly usage: string
    readonly names: readonly string[]
  },
): Promise<string> => {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificate)
  const { privateKey } = await readKeyPair(authority.key)
  const names = input.names.map((name) => ({
    type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const),
    value: name,
  }))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [input.commonName] }],
    issuer: issuer.subject,
    notBefore,
    notAfter: input.notAfter,
    signingAlgorithm,
    signingKey: privateKey,
    publicKey: input.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([input.usage]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  })
  return pemText(certificate.toString('pem'))
}

/** 128 bits, of which the first byte keeps it positive and always as long. */
const newSerial = (): string => {
  const bytes = randomBytes(16)
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f)
  return plainSerial(bytes.toString('hex'))
}

const pemText = (pem: string): string => `${pem.trim()}\n`
