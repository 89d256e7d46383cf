/** The socket of an agent that no broker reaches, over a simulated engine. */

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/agent.ts'
import type { DiskState } from '../../agent/disk/disk-space.ts'
import { type SimulatedEngine, simulatedEngine } from '../../agent/engine/simulated.ts'
import { memoryFiles } from '../../agent/files/memory-files.ts'
import { fixedPolicy } from '../../agent/fixed-policy.ts'
import { usualHealthLimits } from '../../agent/health/health-limits.ts'
import type { LocalApi } from '../../agent/local/local-api.ts'
import { startLocalServer } from '../../agent/local/local-server.ts'
import { createLogRing } from '../../agent/log-ring.ts'
import { openIdentity } from '../../agent/secrets/identity.ts'
import { memorySecretStore } from '../../agent/secrets/secret-store.ts'
import { memoryStore } from '../../agent/store/memory-store.ts'
import type { Store } from '../../agent/store/store.ts'
import { type LocalAgent, localAgent } from '../../src/cli/local-agent.ts'
import type { Model } from '../../src/compose/model.ts'
import type { LocalServer } from '../../src/local/serve-on-socket.ts'
import type { Bundle } from '../../src/protocol/bundle.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { socketName } from '../../src/protocol/local.ts'
import { silent } from '../support/agents.ts'
import { eventually } from '../support/eventually.ts'
import { fixedHardware } from '../support/fixed-hardware.ts'
import { noDeviceNodes } from '../support/hardware.ts'
import { memoryOutbox } from '../support/memory-outbox.ts'
import { modelOf } from '../support/models.ts'

const reference = 'longshore/example:1'
const id = `sha256:${'1'.repeat(64)}`

const bundleOf = (
  model: Model = modelOf('shop', { web: { pull_policy: 'always' } }),
  platform = 'linux/amd64',
): Bundle => ({
  format: 1,
  app: 'shop',
  release: releaseDigest({ compose: model, files: {} }),
  compose: model,
  files: {},
  platform,
  images: { [reference]: { id, platform } },
  createdAt: 1,
  by: 'test',
})

/** As the simulated engine saves it. */
const archive = (): Readable => Readable.from([Buffer.from(JSON.stringify([{ reference, id, volumes: [] }]))])

const code = (name: string) => expect.objectContaining({ name: 'LongshoreError', code: name })

let state: string
let engine: SimulatedEngine
let store: Store
let api: LocalApi
let client: LocalAgent
let disk: DiskState | undefined

const serve = async (): Promise<LocalServer> => {
  const server = await startLocalServer({ socketPath: join(state, socketName), api, log: silent })
  onTestFinished(server.stop)
  return server
}

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'longshore-local-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  engine = simulatedEngine({ now: Date.now })
  disk = undefined
  store = memoryStore()
  const agent = createAgent({
    telemetry: 'off',
    health: usualHealthLimits,
    device: 'gw-1',
    clientId: 'gw-1',
    broker: { url: 'mqtt://127.0.0.1:1' }, // where nobody listens
    root: 'longshore',
    namePrefix: '',
    maxBytes: 100_000,
    policy: fixedPolicy(),
    keepReleases: 3,
    readDisk: async () => disk,
    registryMirrors: {},
    registryCredentials: async () => undefined,
    keepaliveS: 30,
    reconnectMaxMs: 60_000,
    lookEveryMs: 60_000,
    version: 'test',
    engine,
    files: memoryFiles(),
    identity: await openIdentity(undefined, async () => undefined),
    secretStore: memorySecretStore(),
    store,
    outbox: await memoryOutbox(),
    timeZone: () => 'UTC',
    builtAt: 0,
    deviceNodes: noDeviceNodes,
    hardware: fixedHardware(),
    hostFacts: () => Promise.reject(new Error('nobody asks')),
    log: silent,
    ownLog: createLogRing(Date.now),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: () => 0.5,
  })
  agent.start()
  onTestFinished(agent.stop)
  api = agent.local
  client = localAgent(state)
})

test('a bundle is checked, loaded, deployed and runs, and no registry was asked', async () => {
  await serve()
  expect(await client.check(bundleOf())).toMatchObject({ device: 'gw-1', kind: 'accepted', missing: [reference] })
  expect(store.apps()).toEqual([])
  await client.loadImages(archive(), 0)
  // It was not here before: it may go again when nobody needs it, also if this is broken off here.
  expect(store.device().pulledImages).toMatchObject([{ id, reference }])
  expect(api.isAwaited(id)).toBe(true)
  expect(await client.check(bundleOf())).toMatchObject({ kind: 'accepted', missing: [] })
  const { generation, kind } = await client.deploy(bundleOf())
  expect(kind).toBe('accepted')
  expect(store.app('shop')?.accepted?.deployment).toMatchObject({ generation, by: 'load (local)' })
  expect(store.device().pulledImages).toMatchObject([{ id, reference }])
  expect(api.isAwaited(id)).toBe(false)
  await eventually('it to succeed', async () => (await client.reported('shop'))?.outcome === 'succeeded')
  expect(engine.controls.containers().map(({ spec }) => spec.imageId)).toEqual([id])
  expect(engine.controls.calls.map(({ kind }) => kind)).not.toContain('pull')
  expect(await client.deploy(bundleOf())).toMatchObject({ kind: 'known', generation })
})

test('a refusal comes before the images, and leaves nothing behind', async () => {
  await serve()
  const privileged = bundleOf(modelOf('shop', { web: { privileged: true } }))
  expect(await client.check(privileged)).toMatchObject({ kind: 'refused', reason: { code: 'policy-refused' } })
  expect(await client.check({ ...bundleOf(), release: `sha256:${'0'.repeat(64)}` })).toMatchObject({
    kind: 'refused',
    reason: { code: 'release-mismatch' },
  })
  const foreign = bundleOf(undefined, 'linux/arm64')
  expect(await client.check(foreign)).toMatchObject({ kind: 'refused', reason: { code: 'wrong-platform' } })
  await client.loadImages(archive(), 0)
  expect(await client.deploy(foreign)).toMatchObject({ kind: 'refused', reason: { code: 'wrong-platform' } })
  expect(store.apps()).toEqual([])
})

test('an app whose secrets the device was never given waits for them', async () => {
  await serve()
  const model = modelOf(
    'shop',
    { web: { secrets: [{ source: 'token', target: '/run/secrets/token' }] } },
    { secrets: { token: { external: true } } },
  )
  await client.loadImages(archive(), 0)
  expect((await client.deploy(bundleOf(model))).kind).toBe('accepted')
  await eventually('it to wait', async () =>
    (await client.reported('shop'))?.waitingFor?.some(({ code }) => code === 'secret-missing'),
  )
})

test('a bundle whose images are not all on the engine is not deployed', async () => {
  await serve()
  await expect(client.deploy(bundleOf())).rejects.toEqual(code('bundle-invalid'))
  expect(store.apps()).toEqual([])
})

test('an archive that the engine refuses ends the sending of it, however much there is', async () => {
  await serve()
  engine.controls.failNext('loadImages', 'image-load-failed')
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(64 * 1024))
    },
  })
  await expect(client.loadImages(endless, 0)).rejects.toEqual(code('image-load-failed'))
  endless.destroy()
})

test('images that would fill the disk are refused before they are sent, and given up when others fill it', async () => {
  await serve()
  disk = { path: '/data', freeBytes: 3e9, reserveBytes: 1e9 }
  const endless = new Readable({
    read() {
      setImmediate(() => this.push(Buffer.alloc(1024)))
    },
  })
  onTestFinished(() => void endless.destroy())
  await expect(client.loadImages(endless, 2.5e9)).rejects.toMatchObject({
    code: 'disk-full',
    message: 'loading images needs about 2.5 GB: 3.0 GB free on /data, 1.0 GB must stay free',
  })
  expect(engine.controls.calls.map(({ kind }) => kind)).not.toContain('loadImages')
  const loading = client.loadImages(endless, 2e9)
  await eventually('the load to begin', () => engine.controls.calls.some(({ kind }) => kind === 'loadImages'))
  disk = { ...disk, freeBytes: 0.9e9 }
  await expect(loading).rejects.toEqual(code('disk-full'))
})

test('a stick that is pulled out changes nothing, and loading again works', async () => {
  await serve()
  const stick = new PassThrough()
  const loading = client.loadImages(stick, 0)
  stick.write(Buffer.alloc(1000, '['))
  await eventually('the load to begin', () => engine.controls.calls.some(({ kind }) => kind === 'loadImages'))
  stick.destroy(new Error('EIO'))
  await expect(loading).rejects.toEqual(code('file-unreadable'))
  await client.loadImages(archive(), 0)
  expect(await client.check(bundleOf())).toMatchObject({ kind: 'accepted', missing: [] })
})

test('the socket is for its owner alone, and one that a killed agent left is taken over', async () => {
  const socketPath = join(state, socketName)
  const killed = createServer().listen(socketPath)
  await eventually('it to listen', () => killed.listening)
  // As after SIGKILL: nobody removes the file.
  await new Promise((resolve) => killed.close(resolve))
  await writeFile(socketPath, '')
  await serve()
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600)
  expect(await client.reported('shop')).toBeUndefined()
})

test('a second agent in the same folder leaves the first its socket', async () => {
  await serve()
  const second = await startLocalServer({ socketPath: join(state, socketName), api, log: silent })
  await second.stop()
  expect(await client.reported('shop')).toBeUndefined()
})

test('an agent that does not run, or has gone, is said to be unreachable', async () => {
  await expect(client.reported('shop')).rejects.toEqual(code('agent-unreachable'))
  const server = await serve()
  await server.stop()
  await expect(client.check(bundleOf())).rejects.toEqual(code('agent-unreachable'))
  await expect(client.loadImages(archive(), 0)).rejects.toEqual(code('agent-unreachable'))
})

test.each([
  ['POST', '/deployments', 'not json', 422, 'payload-not-json'],
  ['POST', '/deployments', '{"format":1}', 422, 'message-invalid'],
  ['POST', '/deployments', 'x'.repeat(17 * 1024 * 1024), 422, 'payload-too-large'],
  ['GET', '/apps/..%2f..', undefined, 422, 'usage'],
  ['DELETE', '/apps/shop', undefined, 422, 'usage'],
  ['GET', '/apps/shop', undefined, 422, 'app-unknown'],
])('%s %s with what it cannot be is answered with a code', async (method, path, body, status, expected) => {
  await serve()
  const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const call = request({ socketPath: join(state, socketName), method, path, agent: false }, async (response) => {
      const chunks = await response.toArray()
      resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() })
    })
    call.once('error', reject)
    call.end(body)
  })
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text)).toMatchObject({ error: { code: expected } })
})
