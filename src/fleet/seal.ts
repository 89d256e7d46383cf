/** Seals a value for one device. The age library costs 15 MB, so it is loaded only when something is sealed. */
import { recipientSchema } from '../protocol/names.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { maxSecretBytes } from '../protocol/secret.ts'

/** Whether secrets can be sealed for it: its form, its checksum, and that it is a point that gives a shared secret. */
export const isRecipient = async (text: string): Promise<boolean> => {
  if (!recipientSchema.safeParse(text).success) return false
  try {
    await encryptFor(text, new Uint8Array())
    return true
  } catch {
    return false
  }
}

/**
 * An age file in base64; another one each time, also for the same value.
 * @throws LongshoreError recipient-invalid, secret-too-large; none says anything of the value but its size
 */
export const seal = async (name: string, value: Uint8Array, recipient: string): Promise<string> => {
  if (value.byteLength > maxSecretBytes)
    throw new LongshoreError(
      'secret-too-large',
      `secret ${name} has ${value.byteLength} bytes, the most is ${maxSecretBytes}`,
    )
  if (!(await isRecipient(recipient)))
    throw new LongshoreError('recipient-invalid', `${JSON.stringify(recipient).slice(0, 80)} is not an age recipient`)
  return Buffer.from(await encryptFor(recipient, value)).toString('base64')
}

const encryptFor = async (recipient: string, value: Uint8Array): Promise<Uint8Array> => {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return await encrypter.encrypt(value)
}
