/** Pulls as an agent makes them, from real registries: what it tells, and that the app runs when the fault is gone. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fileCredentials } from '../../agent/registry/file-credentials.ts'
import { docker, openFleet, startTestAgent, type TestAgentOptions } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { machinePlatform, newFile, startRegistry } from '../support/registry.ts'
import { startRegistryProxy } from '../support/registry-proxy.ts'
import { endingFor, reportOf, reportThat, send } from '../support/story.ts'

const open = async (options: Partial<TestAgentOptions> = {}) => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  const { device } = await startTestAgent({ url, ...options })
  const fleet = await openFleet(url)
  const deploy = (image: string, generationNote = '') =>
    send(fleet, device, modelOf('shop', { web: { image, environment: { NOTE: generationNote } } }))
  const waitFor = (code: string, text = '') =>
    reportThat(
      fleet,
      device,
      'shop',
      `as waiting for ${code} ${text}`,
      ({ waitingFor }) => waitingFor?.some((one) => one.code === code && one.message.includes(text)) === true,
    )
  return { fleet, device, deploy, waitFor }
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }

test('a registry that fails and then hangs is waited for, and the app runs when it is well', async () => {
  const { deploy, waitFor, fleet, device } = await open({ pullStallMs: 1_000 })
  const registry = await startRegistry()
  const proxy = await startRegistryProxy(registry.host)
  const { digest } = await registry.push('trouble/web', '1', {})
  proxy.break(() => ({ kind: 'status', status: 500 }))
  const sent = await deploy(`${proxy.host}/trouble/web:1`)
  await waitFor('image-pull-failed', '500')
  proxy.break(() => ({ kind: 'hang' }))
  await waitFor('image-pull-failed', 'no answer for 1 s')
  proxy.break(undefined)
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  expect((await reportOf(fleet, device, 'shop'))?.services.web).toMatchObject({ imageDigest: digest })
})

test('a newer deployment ends a pull that it does not want, and goes on with one that it wants too', async () => {
  const { deploy, fleet } = await open()
  const registry = await startRegistry()
  const proxy = await startRegistryProxy(registry.host)
  const big = await registry.push('newer/web', 'big', { files: [newFile('a', 300_000), newFile('b', 1_000_000)] })
  await registry.push('newer/web', 'small', {})
  const [, first = '', second = ''] = big.layers
  proxy.break(({ digest }) => (digest === second ? { kind: 'slow', bytesPerSecond: 500_000 } : undefined))
  const sent = (digest: string) => proxy.sentBytes.get(digest) ?? 0

  await deploy(`${proxy.host}/newer/web:big`, 'one')
  await eventually('the second layer to be under way', () => sent(second) > 0)
  const same = await deploy(`${proxy.host}/newer/web:big`, 'two')
  expect(await endingFor(fleet, same)).toEqual(succeeded)
  for (const layer of [first, second]) {
    const asked = proxy.requests.filter(({ digest }) => digest === layer)
    expect(asked).toHaveLength(1)
  }

  const other = await registry.push('newer/web', 'other', { files: [newFile('c', 4_000_000)] })
  const third = other.layers[1] ?? ''
  proxy.break(({ digest }) => (digest === third ? { kind: 'slow', bytesPerSecond: 400_000 } : undefined))
  await deploy(`${proxy.host}/newer/web:other`)
  await eventually('the third layer to be under way', () => sent(third) > 0)
  const last = await deploy(`${proxy.host}/newer/web:small`)
  expect(await endingFor(fleet, last)).toEqual(succeeded)
  expect(proxy.openBodies()).toBe(0)
  expect(sent(third)).toBeLessThan(3_000_000)
})

test('an image comes from the mirror that has it, under its own name, by tag and by digest', async () => {
  const origin = await startRegistry()
  const site = await startRegistry()
  const broken = await startRegistryProxy(site.host)
  broken.break(() => ({ kind: 'status', status: 401 }))
  const mirrors = [`${broken.host}/hub`, `${site.host}/hub`]
  const { deploy, fleet, device } = await open({ registryMirrors: { [origin.host]: mirrors }, pullStallMs: 1_000 })
  const image = await site.push('hub/mirrored/web', '1', { files: [newFile('a', 1_000)] })
  const imageId = async () => (await reportOf(fleet, device, 'shop'))?.services.web?.imageId

  const byTag = `${origin.host}/mirrored/web:1`
  expect(await endingFor(fleet, await deploy(byTag))).toEqual(succeeded)
  const { Id, RepoTags } = await docker().getImage(byTag).inspect()
  expect(await imageId()).toBe(Id)
  expect(RepoTags).toEqual([byTag])
  expect(broken.requests.length).toBeGreaterThan(0)

  broken.break(() => ({ kind: 'hang' }))
  const byDigest = `${origin.host}/mirrored/web@${image.digest}`
  expect(await endingFor(fleet, await deploy(byDigest))).toEqual(succeeded)
  expect(await imageId()).toBe(Id)
  // With no registry in reach, what came by digest is found again.
  await Promise.all([origin.stop(), site.stop()])
  expect(await endingFor(fleet, await deploy(byDigest, 'again'))).toEqual(succeeded)
})

test('what no mirror has comes from the registry itself; where nobody has it all reasons are told', async () => {
  const origin = await startRegistry()
  const site = await startRegistry()
  const { deploy, waitFor, fleet } = await open({ registryMirrors: { '*': [site.host] } })
  const sent = await deploy(`${origin.host}/late/web:1`)
  const { waitingFor } = await waitFor('image-not-found', `${site.host}/late/web:1`)
  expect(waitingFor?.[0]?.message).toContain(`pull of ${origin.host}/late/web:1`)
  await origin.push('late/web', '1', {})
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
})

test('an image for another machine is told before anything is started, also where it is only local', async () => {
  const registry = await startRegistry()
  const { deploy, waitFor, fleet } = await open()
  await registry.push('other/web', '1', { platform: 'linux/s390x' })
  const reference = `${registry.host}/other/web:1`
  const first = await deploy(reference)
  const text = `is for linux/s390x, and this device is ${machinePlatform}`
  await waitFor('wrong-platform', text)
  await registry.push('other/web', '1', {})
  expect(await endingFor(fleet, first)).toEqual(succeeded)

  // Another content: what came for this machine's name before is being removed.
  await registry.push('local/web', '1', { platform: 'linux/s390x', files: [newFile('a', 1_000)] })
  const local = `${registry.host}/local/web:1`
  const pulling = await docker().pull(local)
  await new Promise((resolve) => pulling.on('end', resolve).resume())
  await registry.stop()
  await deploy(local)
  await waitFor('wrong-platform', `${local} ${text}`)
})

test('credentials of a file that only the agent may read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-credentials-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'config.json')
  const registry = await startRegistry({ isPrivate: true })
  await registry.push('private/web', '1', {})
  const auth = Buffer.from('gateway:s3cret').toString('base64')
  await writeFile(path, JSON.stringify({ auths: { [registry.host]: { auth } } }))
  await chmod(path, 0o644)
  const { fleet, deploy, waitFor } = await open({ registryCredentials: fileCredentials(path) })
  const sent = await deploy(`${registry.host}/private/web:1`)
  await waitFor('credentials-unusable', `chmod 600 ${path}`)
  await chmod(path, 0o600)
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
})
