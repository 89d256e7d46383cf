import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { ensureEngine } from '../../src/engine-setup/ensure-engine.ts'
import { askVersion } from '../../src/engine-setup/find-engine.ts'
import { type DockerdPlace, startDockerd, stopDockerd } from '../../src/engine-setup/start-dockerd.ts'
import { eventually } from '../support/eventually.ts'

const options = { install: false, say: () => {} }

test('an engine that answers is used, and not ended by stop', async () => {
  const engine = await ensureEngine(options)
  expect(engine).toMatchObject({ socketPath: inject('socketPath') })
  expect(engine.startedPid).toBeUndefined()
  await engine.stop()
  expect(await askVersion(engine.socketPath)).toHaveProperty('apiVersion')
})

test.each(['unix:///nowhere/engine.sock', 'tcp://127.0.0.1:2375'])(
  'a DOCKER_HOST that cannot be used is an error and no other engine takes its place: %s',
  async (dockerHost) => {
    await expect(ensureEngine({ ...options, environment: { DOCKER_HOST: dockerHost } })).rejects.toMatchObject({
      code: 'engine-unreachable',
      message: expect.stringContaining('DOCKER_HOST'),
    })
  },
)

test('dockerd starts, ends on request, and starts again after a kill and beside a stale pid file', async () => {
  const place = await ownPlace()

  const first = await startDockerd(place)
  const firstPid = ensureEnds(first.startedPid)
  expect(await askVersion(place.socketPath)).toHaveProperty('apiVersion')
  expect(await startDockerd(place)).toEqual({})

  process.kill(firstPid, 'SIGKILL')
  await eventually(
    'the killed dockerd to be silent',
    async () => typeof (await askVersion(place.socketPath)) === 'string',
  )
  const second = await startDockerd(place)
  const secondPid = ensureEnds(second.startedPid)
  await stopDockerd(secondPid)
  expect(await askVersion(place.socketPath)).toEqual(expect.any(String))

  // A pid that now belongs to somebody else, as after a power cut.
  await writeFile(place.pidFile, String(process.pid))
  await writeFile(place.containerdPidFile, String(process.pid))
  const third = await startDockerd(place)
  await stopDockerd(ensureEnds(third.startedPid))
})

test('a dockerd that cannot start is reported with the end of its log', async () => {
  const place = await ownPlace(['--nonsense'])
  await expect(startDockerd(place)).rejects.toMatchObject({
    code: 'engine-unreachable',
    message: expect.stringContaining('nonsense'),
  })
})

const ensureEnds = (pid: number | undefined): number => {
  if (pid === undefined) throw new Error('dockerd was not started by this test')
  onTestFinished(() => stopDockerd(pid))
  return pid
}

/** A second engine beside the one of this machine: nothing of it is shared, not even a network or a mount. */
const ownPlace = async (more: readonly string[] = []): Promise<DockerdPlace> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-dockerd-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const socketPath = join(folder, 'docker.sock')
  const pidFile = join(folder, 'docker.pid')
  return {
    socketPath,
    pidFile,
    containerdPidFile: join(folder, 'exec/containerd/containerd.pid'),
    logFile: join(folder, 'log/dockerd.log'),
    command: [
      // A second dockerd in the same network namespace takes docker0 away from the first.
      'unshare',
      '--net',
      '--mount',
      'dockerd',
      `--host=unix://${socketPath}`,
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${pidFile}`,
      '--bridge=none',
      '--storage-driver=vfs',
      '--iptables=false',
      '--ip6tables=false',
      ...more,
    ],
  }
}
