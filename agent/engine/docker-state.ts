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
