/** Podman keeps the contract of an engine through its Docker-compatible socket, but for what docs/podman.md lists. */
import { readFileSync } from 'node:fs'
import Docker from 'dockerode'
import { afterAll, beforeAll } from 'vitest'
import type { Engine } from '../../agent/engine/engine.ts'
import { openEngine } from '../../agent/engine/open-engine.ts'
import { dockerUnderTest } from '../support/docker-under-test.ts'
import { type RunningPodman, startPodman } from '../support/podman.ts'
import { describeEngine } from './engine-contract.ts'

let podman: RunningPodman
const ending = new AbortController()
beforeAll(async () => {
  podman = await startPodman()
}, 300_000)
afterAll(async () => {
  ending.abort()
  await podman?.stop()
})

/** The first column of the table under the heading. */
const differences = (): Set<string> => {
  const page = readFileSync(new URL('../../docs/podman.md', import.meta.url), 'utf8')
  const table = page.split('\n## What differs\n')[1]?.split('\n## ')[0] ?? ''
  const rows = table.split('\n').filter((line) => line.startsWith('|'))
  return new Set(rows.slice(2).map((row) => String(row.split('|')[1]).trim()))
}

/** One for all tests: each asks for the version of the engine, which takes Podman a while. */
let engine: Engine

describeEngine(
  'Podman',
  async () => {
    engine ??= openEngine(podman.url, ending.signal)
    const given = await dockerUnderTest(new Docker({ socketPath: podman.socketPath }), engine)
    return { ...given, restartWithinMs: 5_000 }
  },
  differences(),
)
