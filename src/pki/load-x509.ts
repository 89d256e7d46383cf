/** The library that makes certificates, loaded when one is made: it costs 16 MB. To read one, Node is enough (read-certificate.ts). */
import { webcrypto } from 'node:crypto'

export const loadX509 = async () => {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto)
  return x509
}
