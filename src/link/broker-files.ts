/** The files that a connection needs: password, certificates. Read once, at the start. */
import { readFile } from 'node:fs/promises'
import { LongshoreError } from '../protocol/reason.ts'
import type { Broker } from './link.ts'

export type BrokerFiles = {
  readonly url: string
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
  return {
    url: files.url,
    ...(files.username === undefined ? {} : { username: files.username }),
    // An editor ends the file with a line break, which is no part of the password.
    ...(password === undefined ? {} : { password: password.replace(/\r?\n$/, '') }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

const readText = async (option: string, path: string | undefined): Promise<string | undefined> => {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${option} ${path}: ${(error as Error).message}`, {
      path: option,
      cause: error,
    })
  }
}
