/** The files that a connection needs: password, certificates. Read once, at the start. */
import { readFile } from 'node:fs/promises'
import { defined } from '../defined.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import type { Broker } from './contract.ts'

export type BrokerFiles = {
  readonly url: string
  readonly mqttVersion?: Broker['mqttVersion'] | undefined
  readonly username?: string | undefined
  readonly passwordFile?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** @throws LongshoreError file-unreadable, with the option at fault as its path */
export const readBrokerFiles = async (files: BrokerFiles): Promise<Broker> => {
  const [password, ca, cert, key] = await Promise.all([
    readText('password-file', files.passwordFile),
    readText('ca', files.ca),
    readText('cert', files.cert),
    readText('key', files.key),
  ])
  // An editor ends the file with a line break, which is no part of the password.
  const { url, mqttVersion, username } = files
  return defined({ url, mqttVersion, username, password: password?.replace(/\r?\n$/, ''), ca, cert, key })
}

const readText = async (option: string, path: string | undefined): Promise<string | undefined> => {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${option} ${path}: ${whyUnreadable(error)}`, {
      path: option,
      cause: error,
    })
  }
}
