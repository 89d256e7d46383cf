/**
 * Key and certificate of the device in one file, so that a crash never leaves a certificate with another key than its own.
 * Written as a whole, readable for the agent alone.
 */
import { digestOfKeyPem, isIssuedBy, readCertificate } from '../../src/pki/read-certificate.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

export const identityText = (key: string, certificate: string): string => `${key.trim()}\n${certificate.trim()}\n`

/** @throws LongshoreError message-invalid: it is not what was asked for */
export const checkCertificate = (
  certificate: string,
  expected: { readonly key: string; readonly authority: string; readonly device: string },
): void => {
  const fault = faultOf(certificate, expected)
  if (fault !== undefined) throw new LongshoreError('message-invalid', `the certificate that came ${fault}`)
}

const faultOf: (...parameters: Parameters<typeof checkCertificate>) => string | undefined = (
  certificate,
  { key, authority, device },
) => {
  try {
    const facts = readCertificate(certificate)
    if (facts.key !== digestOfKeyPem(key)) return 'is for another key'
    if (facts.commonName !== device) return `is for ${facts.commonName}, not for ${device}`
    return isIssuedBy(certificate, authority) ? undefined : 'is not of the authority of this site'
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`
  }
}
