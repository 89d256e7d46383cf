/** Foreign errors of the Docker Engine API to codes of ours. Branching on text ends here: the API has no codes. */
import type { Code } from '../../src/protocol/codes.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

type DockerError = {
  statusCode?: number
  code?: string
  json?: { message?: string }
  reason?: string
  message?: string
}

export const statusOf = (error: unknown): number | undefined => (error as DockerError).statusCode

/** The typed error for what an engine call threw; `doing` names the operation and its target. */
export const translateError = (error: unknown, doing: string): LongshoreError => {
  if (error instanceof LongshoreError) return error
  const { statusCode, code, json, reason, message } = error as DockerError
  if (statusCode === undefined && code !== undefined && unreachableCodes.has(code))
    return new LongshoreError('engine-unreachable', `${doing}: the engine does not answer (${code})`, { cause: error })
  const said = json?.message ?? message ?? reason ?? String(error)
  return new LongshoreError(codeOf(statusCode, said), `${doing}: ${said.trim()}`, { cause: error })
}

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ECONNRESET',
  'EPIPE',
  'EACCES',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
])

const codeOf = (status: number | undefined, said: string): Code => {
  if (/port is already allocated|bind: address already in use|failed to bind host port/i.test(said))
    return 'port-in-use'
  // Podman says 500 where Docker says 409.
  if (
    (status === 409 || status === 500) &&
    /name .*already in use|network (with )?name .* already (exists|used)/i.test(said)
  )
    return 'name-in-use'
  if (
    /manifest .*(unknown|not found)|repository does not exist|pull access denied|no such image|image not known|not found: manifest/i.test(
      said,
    )
  )
    return 'image-not-found'
  return 'engine-error'
}
