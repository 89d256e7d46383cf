/** The engine as the agent uses it: what one lacks that the agent can do itself is added here. */
import { existsSync } from 'node:fs'
import { withCappedLogs } from './capped-logs.ts'
import { dockerEngine } from './docker.ts'
import { dockerChecks } from './docker-checks.ts'
import type { Engine } from './engine.ts'
import { withHealthchecks } from './healthchecks.ts'

/**
 * @param signal ends what runs beside the calls
 * @param pullStallMs without a byte for this long a pull is given up
 * @param capsLogs what containers say is kept up to a size, where nobody says how they are to log
 */
export const openEngine = (engineUrl: string, signal: AbortSignal, pullStallMs?: number, capsLogs = true): Engine => {
  const engine = dockerEngine(engineUrl, pullStallMs)
  return withHealthchecks({
    engine: capsLogs ? withCappedLogs(engine) : engine,
    checks: dockerChecks(engineUrl),
    isSystemdThere: existsSync('/run/systemd/system'),
    signal,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
  })
}
