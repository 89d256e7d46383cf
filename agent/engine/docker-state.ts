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
