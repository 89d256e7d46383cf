/** Keys on P-256, as PEM text and as the library wants them. */
import { createHash, createPrivateKey, KeyObject, webcrypto } from 'node:crypto'

export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

export const newKeyPair = async (): Promise<webcrypto.CryptoKeyPair> =>
  await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])

/** PKCS 8, unencrypted: for a file that only its owner reads. */
export const keyPem = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()

export const newKeyPem = async (): Promise<string> => keyPem((await newKeyPair()).privateKey)

/** @throws where it is no key on P-256 */
export const readKeyPair = async (pem: string): Promise<webcrypto.CryptoKeyPair> => {
  const secret = createPrivateKey(pem)
  const pkcs8 = secret.export({ type: 'pkcs8', format: 'der' })
  const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, keyAlgorithm, true, ['sign'])
  const { kty, crv, x, y } = secret.export({ format: 'jwk' })
  const shown = { kty, crv, x, y } as webcrypto.JsonWebKey
  const publicKey = await webcrypto.subtle.importKey('jwk', shown, keyAlgorithm, true, ['verify'])
  return { privateKey, publicKey }
}

/** What tells one key from another: SHA-256 over its public half (SubjectPublicKeyInfo), in hexadecimal. */
export const keyDigest = (subjectPublicKeyInfo: Uint8Array): string =>
  createHash('sha256').update(subjectPublicKeyInfo).digest('hex')
