/**
 * The secrets of this device: each app's newest message on disk as it came, encrypted, and what its values are told by.
 * A value is decrypted only on its way into a container's folder in memory, and kept nowhere.
 */
import { createHmac } from 'node:crypto'
import type { Logger } from 'pino'
import { registryScope } from '../../src/protocol/names.ts'
import { readPayload } from '../../src/protocol/payload.ts'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'
import { secretsSchema } from '../../src/protocol/secret.ts'
import type { RegistryCredentials } from '../engine/engine.ts'
import type { Identity } from './identity.ts'
import type { SecretRecord, SecretStore } from './secret-store.ts'

export type Secrets = {
  /**
   * By name, of those that this device can decrypt: the same value has the same version, however often it was encrypted.
   * A keyed digest, so that a version that is reported tells nothing about the value.
   */
  readonly versions: (app: string) => Readonly<Record<string, string>>
  /**
   * `version`: it must be this one, for a message may have come since the plan was made.
   * @throws LongshoreError secret-missing, secret-unreadable
   */
  readonly value: (app: string, name: string, version?: string) => Promise<Uint8Array>
  /** Of a registry by host and port, set as `user:password` under `_registry`; undefined: none were. */
  readonly credentials: (registry: string) => Promise<RegistryCredentials> | undefined
  /**
   * Takes in what stands on `secret/<app>`; an empty payload takes them all away. On disk when it resolves.
   * A message that cannot be used changes nothing and is told as a reason.
   */
  readonly receive: (app: string, payload: Uint8Array) => Promise<Reason | undefined>
}

export type SecretsInput = {
  readonly device: string
  readonly identity: Identity
  readonly store: SecretStore
  readonly maxBytes: number
  readonly log: Logger
}

export const createSecrets = ({ device, identity, store, maxBytes, log }: SecretsInput): Secrets => {
  const versionOf = (value: Uint8Array): string =>
    createHmac('sha256', identity.versionKey).update(value).digest('hex').slice(0, 32)

  const entryOf = async (app: string, name: string, age: string): Promise<SecretRecord['secrets'][string]> => {
    try {
      return { age, version: versionOf(await identity.decrypt(Buffer.from(age, 'base64'))) }
    } catch (error) {
      log.error({ app, secret: name, code: 'secret-unreadable', err: error }, 'a secret cannot be decrypted')
      return { age }
    }
  }

  const value = async (app: string, name: string, version?: string): Promise<Uint8Array> => {
    const entry = store.get(app)?.secrets[name]
    if (entry === undefined) throw new LongshoreError('secret-missing', `secret ${name} of app ${app} was not set`)
    if (version !== undefined && entry.version !== version)
      throw new LongshoreError('secret-missing', `secret ${name} of app ${app} has another value by now`)
    try {
      return await identity.decrypt(Buffer.from(entry.age, 'base64'))
    } catch (error) {
      throw new LongshoreError('secret-unreadable', `secret ${name} of app ${app} cannot be decrypted`, {
        cause: error,
      })
    }
  }

  return {
    value,
    credentials: (registry) =>
      store.get(registryScope)?.secrets[registry]?.version === undefined
        ? undefined
        : value(registryScope, registry).then(readCredentials),
    versions: (app) =>
      Object.fromEntries(
        Object.entries(store.get(app)?.secrets ?? {}).flatMap(([name, { version }]) =>
          version === undefined ? [] : [[name, version]],
        ),
      ),
    receive: async (app, payload) => {
      const before = store.get(app)
      if (payload.byteLength === 0) {
        if (before !== undefined) await store.remove(app)
        return undefined
      }
      const read = readPayload(secretsSchema, payload, maxBytes)
      if (!read.ok) return read.reason
      const message = read.value
      if (message.device !== device || message.app !== app)
        return {
          code: message.app === app ? 'device-mismatch' : 'app-mismatch',
          message: `the secrets are for app ${message.app} of device ${message.device}, not for ${app} of ${device}`,
        }
      if (before !== undefined && message.issuedAt < before.issuedAt)
        return { code: 'stale', message: `secrets of ${message.issuedAt} are older than those of ${before.issuedAt}` }
      const entries = await Promise.all(
        Object.entries(message.secrets).map(async ([name, { age }]) => {
          const known = before?.secrets[name]
          // One that could not be decrypted is tried again: the key may have been put back.
          return [
            name,
            known?.age === age && known.version !== undefined ? known : await entryOf(app, name, age),
          ] as const
        }),
      )
      await store.put({ format: 1, app, issuedAt: message.issuedAt, secrets: Object.fromEntries(entries) })
      const unreadable = entries.filter(([, { version }]) => version === undefined).map(([name]) => name)
      return unreadable.length === 0
        ? undefined
        : { code: 'secret-unreadable', message: `${unreadable.join(', ')} cannot be decrypted by this device` }
    },
  }
}

const readCredentials = (value: Uint8Array): RegistryCredentials => {
  const text = Buffer.from(value).toString()
  const colon = text.indexOf(':')
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}
