/** What stands in a certificate, read with what Node has. Pure. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { keyDigest } from './keys.ts'

export type CertificateFacts = {
  /** hexadecimal, small letters */
  readonly serial: string
  /** undefined where there is none, or more than one */
  readonly commonName: string | undefined
  /** epoch ms */
  readonly notAfter: number
  /** of the public key, as keyDigest has it */
  readonly key: string
}

/** @param pem the first certificate in it. @throws where there is none */
export const readCertificate = (pem: string): CertificateFacts => {
  const certificate = new X509Certificate(pem)
  const names = certificate.subject.split('\n').filter((line) => line.startsWith('CN='))
  return {
    serial: plainSerial(certificate.serialNumber),
    commonName: names.length === 1 ? names[0]?.slice('CN='.length) : undefined,
    notAfter: Date.parse(certificate.validTo),
    key: keyDigest(certificate.publicKey.export({ type: 'spki', format: 'der' })),
  }
}

/** As Node, OpenSSL and the library each write it, in one way. */
export const plainSerial = (serial: string): string => serial.toLowerCase().replace(/^0+(?=.)/, '')

export const digestOfKeyPem = (pem: string): string =>
  keyDigest(createPublicKey(pem).export({ type: 'spki', format: 'der' }))

/** Whether an authority signed it; its dates are not looked at. Pure. */
export const isIssuedBy = (certificate: string, authority: string): boolean => {
  const [one, by] = [new X509Certificate(certificate), new X509Certificate(authority)]
  return one.checkIssued(by) && one.verify(by.publicKey)
}

/** SHA-256 over the whole certificate, in hexadecimal: what a token carries of the authority. */
export const fingerprintOf = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
