/** Podman keeps the contract of an engine through its Docker-compatible socket, but for what docs/podman.md lists. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../agent/engine/engine.ts'
import { openEngine } from '../../agent/engine/open-engine.ts'
import { plainSpec } from '../../agent/engine/simulated.ts'
import { dockerUnderTest } from '../support/docker-under-test.ts'
import { eventually } from '../support/eventually.ts'
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

/** One for all obligations: each would ask for the version of the engine anew, which takes Podman a while. */
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

/** Beside Podman, where its `localhost` is. */
const startRegistry = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-registry-'))
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: '127.0.0.1:5000' },
  }
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config))
  const inNetwork = ['-t', String(podman.networkPid), '-n', 'docker-registry', 'serve', join(folder, 'config.yml')]
  const registry = spawn('nsenter', inNetwork, { stdio: 'ignore' })
  onTestFinished(async () => {
    const ended = once(registry, 'exit')
    registry.kill()
    await ended
    await rm(folder, { recursive: true, force: true })
  })
}

test('a range of host ports is refused in words that help', async () => {
  const ports = [{ target: 80, protocol: 'tcp', published: { from: 8000, to: 8010 } } as const]
  const creating = openEngine(podman.url, ending.signal).createContainer('web', { ...plainSpec('none'), ports })
  await expect(creating).rejects.toThrow(/host ports 8000-8010; name one/)
})

test('an image is pulled from a registry, and what the registry lacks is image-not-found', async () => {
  await startRegistry()
  const docker = new Docker({ socketPath: podman.socketPath })
  const [reference, local] = ['localhost:5000/pulled:1', docker.getImage('longshore/example:1')]
  await local.tag({ repo: 'localhost:5000/pulled', tag: '1' })
  await eventually('the registry to take the image', async () => {
    const answer = String(await text(await docker.getImage(reference).push()))
    if (/error/i.test(answer)) throw new Error(answer)
    return true
  })
  await docker.getImage(reference).remove()
  const opened = openEngine(podman.url, ending.signal)
  expect(await opened.image(reference)).toBeUndefined()
  const { signal } = new AbortController()
  await opened.pull(reference, () => undefined, signal)
  expect((await opened.image(reference))?.id).toBe((await local.inspect()).Id)
  await docker.getImage(reference).remove()
  const missing = opened.pull('localhost:5000/pulled:2', () => undefined, signal)
  await expect(missing).rejects.toHaveProperty('code', 'image-not-found')
})
