/** Where the engine is when nobody said: DOCKER_HOST, or the first of the usual sockets. */
import { existsSync } from 'node:fs'

const usualSockets = ['/var/run/docker.sock', '/run/podman/podman.sock']

/** Docker's own socket where none is there yet: the engine may come later, and the agent waits for it. */
export const findEngineUrl = (environment: Readonly<Record<string, string | undefined>>): string => {
  const { DOCKER_HOST: host } = environment
  if (host !== undefined && host !== '') return host
  return `unix://${usualSockets.find((path) => existsSync(path)) ?? usualSockets[0]}`
}
