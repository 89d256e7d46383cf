/** Docker's `config.json`: which credentials it holds for a registry, or which helper has them. Pure. */
import { z } from 'zod'
import { own } from '../../src/defined.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { RegistryCredentials } from '../engine/engine.ts'

const dockerConfigSchema = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional().describe('user:password in base64'),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
})

export type DockerConfig = z.infer<typeof dockerConfigSchema>

/** `helper`: the rest of the name `docker-credential-…`, asked first; `given`: what the file itself holds. */
export type CredentialsInFile = {
  readonly helper: { readonly name: string; readonly server: string } | undefined
  readonly given: RegistryCredentials | undefined
}

/** @throws LongshoreError credentials-unusable; its message holds nothing of the text */
export const readDockerConfig = (text: string, path: string): DockerConfig => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LongshoreError('credentials-unusable', `${path} is not JSON`)
  }
  const parsed = dockerConfigSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => issue.path.join('.'))
  throw new LongshoreError('credentials-unusable', `${path} is not as Docker writes it: ${fields.join(', ')}`)
}

/** @param registry host and port; `docker.io` for Docker Hub */
export const credentialsIn = (config: DockerConfig, registry: string): CredentialsInFile => {
  const keyOf = (record: Readonly<Record<string, unknown>>): string | undefined =>
    Object.keys(record).find((key) => hostOf(key) === registry)
  const helperKey = keyOf(config.credHelpers)
  const name = helperKey === undefined ? config.credsStore : config.credHelpers[helperKey]
  const authKey = keyOf(config.auths)
  const server = helperKey ?? authKey ?? (registry === 'docker.io' ? hubServer : registry)
  const entry = authKey === undefined ? undefined : own(config.auths, authKey)
  return {
    helper: name === undefined || name === '' ? undefined : { name, server },
    given: entry && credentialsOf(entry),
  }
}

/** The name that Docker Hub has in the file, and to helpers. */
const hubServer = 'https://index.docker.io/v1/'
const hubHosts: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/** Keys are addresses in old files, and hosts in new ones. */
const hostOf = (key: string): string => {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return hubHosts.has(host) ? 'docker.io' : host
}

type Entry = DockerConfig['auths'][string]

const credentialsOf = ({ auth, username, password, identitytoken }: Entry): RegistryCredentials | undefined => {
  if (identitytoken) return { identityToken: identitytoken }
  if (username && password !== undefined) return { username, password }
  const text = Buffer.from(auth ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  // Docker pads what it encodes with zero bytes.
  return colon < 1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}
