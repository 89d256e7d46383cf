/** The values of all secrets that this device can decrypt, for as long as it takes to keep them out of something. */
import { registryScope } from '../../src/protocol/names.ts'
import type { Secrets } from '../secrets/secrets.ts'

export const knownSecrets = async (
  secrets: Pick<Secrets, 'versions' | 'value'>,
  apps: readonly string[],
): Promise<string[]> => {
  const named = [...apps, registryScope].flatMap((app) => Object.keys(secrets.versions(app)).map((name) => [app, name]))
  const values = await Promise.all(
    named.map(async ([app = '', name = '']) => {
      try {
        const text = Buffer.from(await secrets.value(app, name)).toString()
        // Credentials of a registry are user:password.
        return app === registryScope ? [text, text.slice(text.indexOf(':') + 1)] : [text]
      } catch {
        return [] // it went meanwhile, and whoever could not read it said nothing of it
      }
    }),
  )
  return values.flat()
}
