/** Single pulls of the real engine, from a real registry behind a proxy that breaks. */
import { expect, inject, test } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import { eventually } from '../support/eventually.ts'
import { machinePlatform, newFile, startRegistry } from '../support/registry.ts'
import { type Fault, type RegistryRequest, startRegistryProxy } from '../support/registry-proxy.ts'

const stallMs = 1_500
const open = async () => {
  const registry = await startRegistry()
  const proxy = await startRegistryProxy(registry.host)
  const engine = dockerEngine(`unix://${inject('socketPath')}`, stallMs)
  const pull = (name: string, signal = new AbortController().signal) =>
    engine.pull(`${proxy.host}/${name}`, () => undefined, signal).catch((error: unknown) => error)
  return { registry, proxy, engine, pull }
}

const onManifest =
  (fault: Fault) =>
  ({ kind }: RegistryRequest) =>
    kind === 'manifest' ? fault : undefined

test('each fault has a reason of its own, and the next pull succeeds when it is gone', async () => {
  const { registry, proxy, pull } = await open()
  const { layers } = await registry.push('faults/web', '1', { files: [newFile('data', 300_000)] })
  const onLayer =
    (fault: Fault) =>
    ({ digest }: RegistryRequest) =>
      digest === layers[1] ? fault : undefined
  const faults: [(request: RegistryRequest) => Fault | undefined, string, RegExp][] = [
    [onManifest({ kind: 'status', status: 401 }), 'registry-unauthorized', /set _registry 127\.0\.0\.1:\d+ --device/],
    [onManifest({ kind: 'status', status: 403 }), 'registry-unauthorized', /403/],
    [onManifest({ kind: 'status', status: 404 }), 'image-not-found', /404/],
    [onManifest({ kind: 'status', status: 429 }), 'registry-busy', /429/],
    [onManifest({ kind: 'status', status: 500 }), 'image-pull-failed', /500/],
    [onManifest({ kind: 'hang' }), 'image-pull-failed', /no answer for 1.5 s/],
    [onLayer({ kind: 'hang', afterBytes: 50_000 }), 'image-pull-failed', /nothing came for 1.5 s/],
    [onLayer({ kind: 'corrupt' }), 'image-pull-failed', /verification failed/],
  ]
  for (const [fault, code, message] of faults) {
    proxy.break(fault)
    expect(await pull('faults/web:1')).toMatchObject({ code, message: expect.stringMatching(message) })
  }
  proxy.break(undefined)
  expect(await pull('faults/nothing:1')).toMatchObject({ code: 'image-not-found' })
  expect(await pull('faults/web:1')).toMatchObject({ id: expect.stringMatching(/^sha256:/), platform: machinePlatform })
})

test('a layer that was cut goes on where it was, and none that is here is fetched again', async () => {
  const { registry, proxy, pull } = await open()
  const shared = newFile('a', 400_000)
  const { layers } = await registry.push('cut/web', '1', { files: [shared, newFile('b', 400_000)] })
  let isCut = false
  proxy.break(({ digest }) => {
    if (digest !== layers[2] || isCut) return undefined
    isCut = true
    return { kind: 'cut', afterBytes: 300_000 }
  })
  // The engine itself tries again after five seconds, and tells of it: no stall.
  expect(await pull('cut/web:1')).toHaveProperty('id')
  expect(isCut).toBe(true)
  await registry.push('cut/web', '2', { files: [shared, newFile('c', 1_000)] })
  expect(await pull('cut/web:2')).toHaveProperty('id')
  for (const layer of layers.slice(1)) expect(proxy.sentBytes.get(layer)).toBeLessThan(410_000)
})

test('a pull that is given up ends on the wire too', async () => {
  const { registry, proxy, pull } = await open()
  const { layers } = await registry.push('slow/web', '1', { files: [newFile('a', 4_000_000)] })
  proxy.break(({ digest }) => (digest === layers[1] ? { kind: 'slow', bytesPerSecond: 400_000 } : undefined))
  const sent = () => proxy.sentBytes.get(layers[1] ?? '') ?? 0
  const abort = new AbortController()
  const pulling = pull('slow/web:1', abort.signal)
  await eventually('some bytes', () => sent() > 0)
  abort.abort()
  expect(await pulling).toMatchObject({ name: 'LongshoreError' })
  await eventually('the connection to be closed', () => proxy.openBodies() === 0, { timeoutMs: 2_000 })
  expect(sent()).toBeLessThan(2_000_000)
})

test('an image for other machines is told with what it is for, and a list of images with all that it has', async () => {
  const { registry, engine, pull } = await open()
  const arm = await registry.push('other/web', 'arm', { platform: 'linux/arm/v7' })
  const s390x = await registry.push('other/web', 's390x', { platform: 'linux/s390x' })
  await registry.pushIndex('other/web', 'list', [
    { image: arm, platform: 'linux/arm/v7' },
    { image: s390x, platform: 'linux/s390x' },
  ])
  expect(await pull('other/web:s390x')).toHaveProperty('platform', 'linux/s390x')
  expect(await pull('other/web:list')).toMatchObject({
    code: 'wrong-platform',
    message: expect.stringMatching(/no matching manifest for linux\/.*; it has linux\/arm\/v7, linux\/s390x$/),
  })
  expect(await engine.facts()).toHaveProperty('platform', machinePlatform)
})
