/** The engine as the agent uses it: what one lacks that the agent can do itself is added here. */
import { existsSync } from 'node:fs'
import { dockerEngine } from './docker.ts'
import { dockerChecks } from './docker-checks.ts'
import type { Engine } from './engine.ts'
import { withHealthchecks } from './healthchecks.ts'

/**
 * @param signal ends what runs beside the calls
 * @param pullStallMs without a byte for this long a pull is given up
 */
export const openEngine = (engineUrl: string, signal: AbortSignal, pullStallMs?: number): Engine =>
  withHealthchecks({
    engine: dockerEngine(engineUrl, pullStallMs),
    checks: dockerChecks(engineUrl),
    isSystemdThere: existsSync('/run/systemd/system'),
    signal,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
  })
