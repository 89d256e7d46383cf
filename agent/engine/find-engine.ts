/** Where the engine is when nobody said: DOCKER_HOST, or the first of the usual sockets. */
import { existsSync } from 'node:fs'

type Environment = Readonly<Record<string, string | undefined>>

/** Docker's own socket where none is there yet: the engine may come later, and the agent waits for it. */
export const findEngineUrl = (environment: Environment, isThere: (path: string) => boolean = existsSync): string => {
  const { DOCKER_HOST: host } = environment
  if (host !== undefined && host !== '') return host
  return `unix://${usualSockets(environment).find(isThere) ?? dockerSocket}`
}

const dockerSocket = '/var/run/docker.sock'

/** Last a user's own Podman, which only an agent of that user finds. */
const usualSockets = ({ XDG_RUNTIME_DIR: runtimeFolder }: Environment): string[] => [
  dockerSocket,
  '/run/podman/podman.sock',
  ...(runtimeFolder === undefined || runtimeFolder === '' ? [] : [`${runtimeFolder}/podman/podman.sock`]),
]
