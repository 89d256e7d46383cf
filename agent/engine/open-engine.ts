/** The engine as the agent uses it: what one lacks that the agent can do itself is added here. */
import { existsSync } from 'node:fs'
import { dockerEngine } from './docker.ts'
import { dockerChecks } from './docker-checks.ts'
import type { Engine } from './engine.ts'
import { withHealthchecks } from './healthchecks.ts'

/** The signal ends what runs beside the calls. */
export const openEngine = (engineUrl: string, signal: AbortSignal): Engine =>
  withHealthchecks({
    engine: dockerEngine(engineUrl),
    checks: dockerChecks(engineUrl),
    isSystemdThere: existsSync('/run/systemd/system'),
    signal,
    nowMs: Date.now,
  })
