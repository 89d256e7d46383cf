/** Looks for a container engine that answers. It only asks; starting one is `ensure-engine.ts`. */
import { LongshoreError } from '../protocol/reason.ts'
import { requestUnix } from './unix-http.ts'

export const dockerSocketPath = '/var/run/docker.sock'

/** `/run/podman` is root's; a user's own Podman is reached through DOCKER_HOST. */
const usualSocketPaths = [dockerSocketPath, '/run/podman/podman.sock'] as const

export type FoundEngine = { readonly socketPath: string; readonly version: string; readonly apiVersion: string }

/** `explicit`: DOCKER_HOST names the socket, so no other engine may be used in its place. */
export type EngineSearch =
  | { readonly found: FoundEngine }
  | { readonly found: undefined; readonly tried: readonly string[]; readonly explicit: boolean }

export const findEngine = async (
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<EngineSearch> => {
  const named = namedSocketPath(environment.DOCKER_HOST)
  const tried: string[] = []
  for (const socketPath of named === undefined ? usualSocketPaths : [named]) {
    const answer = await askVersion(socketPath, signal)
    if (typeof answer !== 'string') return { found: answer }
    tried.push(`${socketPath} ${answer}`)
  }
  return { found: undefined, tried, explicit: named !== undefined && named !== dockerSocketPath }
}

/** The engine behind a socket, or in a few words why there is none. */
export const askVersion = async (socketPath: string, signal?: AbortSignal): Promise<FoundEngine | string> => {
  try {
    const { status, text } = await requestUnix({ socketPath, path: '/version', timeoutMs: 5_000, signal })
    if (status !== 200) return `answers with status ${status}`
    const { Version: version, ApiVersion: apiVersion } = JSON.parse(text) as Record<string, unknown>
    if (typeof version !== 'string' || typeof apiVersion !== 'string') return 'answers, but not as an engine does'
    return { socketPath, version, apiVersion }
  } catch (error) {
    signal?.throwIfAborted()
    return describe(error)
  }
}

const namedSocketPath = (dockerHost: string | undefined): string | undefined => {
  if (dockerHost === undefined || dockerHost === '') return undefined
  if (dockerHost.startsWith('unix://')) return dockerHost.slice('unix://'.length)
  throw new LongshoreError(
    'engine-unreachable',
    `DOCKER_HOST is ${dockerHost}, but only a local engine can be used: unset it, or set unix:///path/to/engine.sock`,
  )
}

const describe = (error: unknown): string => {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'does not exist'
    case 'EACCES':
      return 'may not be opened by this user: use sudo or join the group that owns it'
    case 'ECONNREFUSED':
      return 'has nobody listening'
    default:
      return `does not answer (${(error as Error).message})`
  }
}
