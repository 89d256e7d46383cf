/** The age identity of the device: made at first start, never leaves it. https://age-encryption.org/v1 */
import { createHash } from 'node:crypto'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'

export type Identity = {
  /** `age1…`, for whoever encrypts for this device; undefined: the key of the device cannot be read */
  readonly recipient: string | undefined
  /** why it cannot be read */
  readonly fault?: Reason
  readonly decrypt: (ciphertext: Uint8Array) => Promise<Uint8Array>
  /** for digests of values that must not be guessed */
  readonly versionKey: Uint8Array
}

/** The library takes 15 MB of memory: it is loaded when there is something to decrypt. */
const loadAge = () => import('age-encryption')

/**
 * @param stored the text of the identity file; undefined: there is none yet
 * @param store writes it, to be read by root only
 * What is stored and is no identity is never replaced: another key would lock all secrets out. The device goes on
 * without, which only new containers with secrets need.
 */
export const openIdentity = async (
  stored: string | undefined,
  store: (text: string) => Promise<void>,
): Promise<Identity> => {
  if (stored === undefined) {
    const age = await loadAge()
    const secretKey = await age.generateX25519Identity()
    const recipient = await age.identityToRecipient(secretKey)
    await store(`# recipient: ${recipient}\n${secretKey}\n`)
    return identityOf(secretKey, recipient)
  }
  const secretKey = /^AGE-SECRET-KEY-1[0-9A-Z]{58}$/m.exec(stored)?.[0]
  const recipient = /^# recipient: (age1[0-9a-z]{58})$/m.exec(stored)?.[1]
  if (secretKey === undefined || recipient === undefined) return lockedIdentity
  return identityOf(secretKey, recipient)
}

const lockedIdentity: Identity = {
  recipient: undefined,
  fault: {
    code: 'state-unusable',
    message:
      'the identity file of the device cannot be understood: put it back from a backup and restart the agent; or remove it for a new key, and set every secret again',
  },
  versionKey: new Uint8Array(),
  decrypt: async () => {
    throw new LongshoreError('state-unusable', 'the identity file of the device cannot be understood')
  },
}

const identityOf = (secretKey: string, recipient: string): Identity => ({
  recipient,
  versionKey: createHash('sha256').update(`longshore secret version ${secretKey}`).digest(),
  decrypt: async (ciphertext) => {
    const { Decrypter } = await loadAge()
    const decrypter = new Decrypter()
    decrypter.addIdentity(secretKey)
    return await decrypter.decrypt(ciphertext)
  },
})
