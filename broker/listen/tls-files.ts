/** Certificate, key and authority of a listener, read and tried before they are used. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import type { TlsSettings } from './listener-settings.ts'

export type TlsMaterial = Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>

/** @throws LongshoreError file-unreadable, config-invalid */
export const readTlsFiles = async ({ cert, key, clientCa }: TlsSettings): Promise<TlsMaterial> => {
  const own = { cert: await read(cert), key: await read(key) }
  const ca = clientCa === undefined ? undefined : await read(clientCa)
  const material = ca === undefined ? own : { ...own, ca }
  attempt(cert, () => new X509Certificate(own.cert))
  // OpenSSL passes over an authority that it cannot read, and then trusts nobody.
  if (ca !== undefined) attempt(clientCa, () => new X509Certificate(ca))
  attempt(`${cert} with ${key}`, () => createSecureContext(material))
  return material
}

const read = async (file: string): Promise<Buffer> => {
  try {
    return await readFile(file)
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}

const attempt = (what: string | undefined, use: () => unknown): void => {
  try {
    use()
  } catch (error) {
    throw new LongshoreError('config-invalid', `${what} cannot be used: ${(error as Error).message}`, { cause: error })
  }
}
