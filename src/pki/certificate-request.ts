/** A request for a certificate (PKCS 10): made where the key is, read where the authority is. */
import { keyDigest, readKeyPair, signingAlgorithm } from './keys.ts'
import { loadX509 } from './load-x509.ts'

/** @param commonName undefined: the authority knows it. @returns PEM text */
export const makeRequest = async (keyPem: string, commonName: string | undefined): Promise<string> => {
  const x509 = await loadX509()
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: await readKeyPair(keyPem),
    signingAlgorithm,
    ...(commonName === undefined ? {} : { name: [{ CN: [commonName] }] }),
  })
  return request.toString('pem')
}

export type RequestFacts = {
  readonly commonName: string | undefined
  /** as keyDigest has it */
  readonly key: string
}

/** undefined: it is none, is not signed by its own key, or that is none on P-256. */
export const readRequest = async (pem: string): Promise<RequestFacts | undefined> => {
  const x509 = await loadX509()
  try {
    const request = new x509.Pkcs10CertificateRequest(pem)
    const { algorithm } = request.publicKey
    if (!('namedCurve' in algorithm) || algorithm.namedCurve !== 'P-256') return undefined
    if (!(await request.verify())) return undefined
    const names = request.subjectName.getField('CN')
    if (names.length > 1) return undefined
    return { commonName: names[0], key: keyDigest(new Uint8Array(request.publicKey.rawData)) }
  } catch {
    // Whatever a stranger sent, and the library stumbled over.
    return undefined
  }
}
