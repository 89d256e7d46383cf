/** The states of containers by the words of the Docker Engine API, and by Podman's own where they shine through. */
import type { EngineState } from './engine.ts'

export const toState = (text: string): EngineState => states[text.toLowerCase()] ?? 'dead'

const states: Readonly<Record<string, EngineState>> = {
  created: 'created',
  configured: 'created',
  initialized: 'created',
  running: 'running',
  stopping: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'removing',
  exited: 'exited',
  stopped: 'exited',
  dead: 'dead',
}

/** @param options as `info` lists them: `name=userns`, `name=seccomp,profile=default` */
export const toUserNamespaces = (options: unknown): 'remapped' | 'rootless' | undefined => {
  const names = Array.isArray(options) ? options.map((option) => String(option).split(',')[0]) : []
  if (names.includes('name=rootless')) return 'rootless'
  return names.includes('name=userns') ? 'remapped' : undefined
}

/**
 * Docker clears the list of folders where CDI is switched off, and knew no list before 25. Podman always had CDI, and takes
 * it over its Docker API from 5.3 on.
 */
export const hasCdi = (name: 'docker' | 'podman', version: string, folders: unknown): boolean => {
  if (name === 'docker') return Array.isArray(folders) && folders.length > 0
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 3)
}
