/** Disks that are full: of the engine, and of the agent. What runs runs on, and all goes on by itself when there is room. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import Docker from 'dockerode'
import { expect, onTestFinished, test } from 'vitest'
import { replaceFile } from '../../agent/store/record-file.ts'
import { localAgent } from '../../src/cli/local-agent.ts'
import { writeTar } from '../../src/engine-setup/tar.ts'
import { openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { eventually } from '../support/eventually.ts'
import { modelOf } from '../support/models.ts'
import { startPrivateDockerd } from '../support/private-dockerd.ts'
import { newFile, startRegistry } from '../support/registry.ts'
import { startRegistryProxy } from '../support/registry-proxy.ts'
import { containersOf, deployAndWait, endingFor, reportOf, reportThat, send } from '../support/story.ts'

const startBroker = async (): Promise<string> => {
  const { url, stop } = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(stop)
  return url
}

/** A folder on a disk of its own, in memory. */
const smallDisk = async (size: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-disk-'))
  onTestFinished(async () => {
    execFileSync('umount', ['--lazy', folder])
    await rm(folder, { recursive: true })
  })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', folder])
  return folder
}

const fill = async (folder: string): Promise<() => Promise<void>> => {
  const path = join(folder, 'filler')
  await writeFile(path, Buffer.alloc(64 * 1024 * 1024)).catch(() => undefined)
  return () => rm(path)
}

/** As `docker save` writes it: an image with one layer that cannot be compressed. */
const heavyArchive = (bytes: number): Buffer => {
  const layer = writeTar([{ kind: 'file', path: 'heavy', mode: 0o644, content: randomBytes(bytes) }])
  const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`
  const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diffId] } }
  const manifest = [{ Config: 'config.json', RepoTags: ['heavy:1'], Layers: ['layer.tar'] }]
  const file = (path: string, content: Buffer) => ({ kind: 'file' as const, path, mode: 0o644, content })
  return writeTar([
    file('manifest.json', Buffer.from(JSON.stringify(manifest))),
    file('config.json', Buffer.from(JSON.stringify(config))),
    file('layer.tar', layer),
  ])
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }

test('a file that there is no space to replace stays whole, and nothing is left beside it', async () => {
  const folder = await smallDisk('64k')
  const path = join(folder, 'a.json')
  await replaceFile(path, { is: 'old' })
  await expect(replaceFile(path, { is: 'x'.repeat(100_000) })).rejects.toHaveProperty('code', 'disk-full')
  expect(execFileSync('ls', ['-A', folder], { encoding: 'utf8' })).toBe('a.json\n')
  expect(execFileSync('cat', [path], { encoding: 'utf8' })).toBe('{"is":"old"}')
})

test('a full disk of the agent: what runs runs on, a deployment waits for room and is taken without a new connection', async () => {
  const disk = await smallDisk('2m')
  const url = await startBroker()
  const state = join(disk, 'state')
  await mkdir(state)
  const { device } = await startTestAgent({ url, state })
  const fleet = await openFleet(url)
  expect(await deployAndWait(fleet, device, modelOf('shop', { web: {} }))).toEqual(succeeded)
  const before = await reportOf(fleet, device, 'shop')
  const running = await containersOf(device)

  const makeRoom = await fill(disk)
  const isWaiting = ({ waitingFor }: { waitingFor?: { code: string; message: string }[] | undefined }): boolean =>
    waitingFor?.some(({ code, message }) => code === 'disk-full' && message.includes('the newest deployment')) === true
  const sent = await send(fleet, device, modelOf('shop', { web: { environment: { NOTE: 'two' } } }))
  const fresh = await send(fleet, device, modelOf('till', { web: {} }))
  const waiting = await reportThat(fleet, device, 'shop', 'as waiting for the disk', isWaiting)
  expect(waiting).toMatchObject({ generation: before?.generation, phase: 'running', session: before?.session })
  await reportThat(fleet, device, 'till', 'as waiting for the disk', isWaiting)
  expect(await containersOf(device)).toEqual(running)

  await makeRoom()
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  expect(await endingFor(fleet, fresh)).toEqual(succeeded)
  const after = await reportOf(fleet, device, 'shop')
  expect(after).toMatchObject({ phase: 'running', session: before?.session })
  expect(after).not.toHaveProperty('waitingFor')
})

test('a small disk of the engine: a pull waits with the numbers, and images that nobody needs go', async () => {
  const { url: engineUrl, socketPath } = await startPrivateDockerd({ diskSize: '90m', sharesNetwork: true })
  const docker = new Docker({ socketPath })
  const registry = await startRegistry()
  const proxy = await startRegistryProxy(registry.host)
  const web = (tag: string) => `${proxy.host}/web:${tag}`
  for (const tag of ['1', '2', '3', '4']) await registry.push('web', tag, { files: [newFile('a', 1_000)] })
  await registry.push('web', 'big', { files: [newFile('a', 35_000_000)] })
  for (const tag of ['1', '2', '3']) await registry.push('foreign', tag, { files: [newFile('a', 20_000_000)] })
  const url = await startBroker()
  const { device } = await startTestAgent({ url, engineUrl, diskReserve: 30_000_000, keepReleases: 1 })
  const fleet = await openFleet(url)
  const modelWith = (tag: string) => modelOf('shop', { web: { image: web(tag), network_mode: 'none' } })
  const waitFor = (text: RegExp) =>
    reportThat(
      fleet,
      device,
      'shop',
      `as waiting for the disk, ${text}`,
      ({ waitingFor }) => waitingFor?.some(({ code, message }) => code === 'disk-full' && text.test(message)) === true,
    )
  const namesOf = async (): Promise<string[]> =>
    (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).sort()

  const foreign = ['1', '2', '3'].map((tag) => `${registry.host}/foreign:${tag}`)
  const others = ['longshore/example:1', ...foreign.slice(0, 2)]
  for (const reference of foreign) {
    const pull = await docker.pull(reference)
    await new Promise((resolve, reject) => pull.on('end', resolve).on('error', reject).resume())
  }
  const first = await send(fleet, device, modelWith('1'))
  await waitFor(/web:1: \d+ MB free on .*data, 30 MB must stay free/)
  expect(proxy.sentBytes.size).toBe(0)
  await docker.getImage(foreign[2] as string).remove()
  expect(await endingFor(fleet, first)).toEqual(succeeded)

  // What somebody else names stays: only the name that it had from us goes. The release before can be gone back to.
  await docker.getImage(web('1')).tag({ repo: 'somebody/else', tag: '1' })
  expect(await deployAndWait(fleet, device, modelWith('2'))).toEqual(succeeded)
  expect(await deployAndWait(fleet, device, modelWith('3'))).toEqual(succeeded)
  await eventually('the name of the first image to go', async () => !(await namesOf()).includes(web('1')))
  expect(await namesOf()).toEqual([web('2'), web('3'), 'somebody/else:1', ...others].sort())
  const before = (await docker.getImage(web('2')).inspect()).Id
  expect(await deployAndWait(fleet, device, modelWith('4'))).toEqual(succeeded)
  await eventually('the second image to go', async () => {
    const images = await docker.listImages()
    return !images.some(({ Id }) => Id === before)
  })
  expect(await namesOf()).toEqual([web('3'), web('4'), 'somebody/else:1', ...others].sort())

  // A pull that would fill the disk is given up while it runs; what ran runs on.
  proxy.break(() => ({ kind: 'slow', bytesPerSecond: 2_000_000 }))
  await send(fleet, device, modelWith('big'))
  await waitFor(/web:big needs about \d+ MB: \d+ MB free on .*data, 30 MB must stay free/)
  expect(await docker.listContainers()).toHaveLength(1)
})

test('images of a bundle that would fill the disk are not loaded, or given up on the way', async () => {
  const { url: engineUrl, socketPath } = await startPrivateDockerd({ diskSize: '80m' })
  const docker = new Docker({ socketPath })
  const before = (await docker.listImages()).length
  const { state } = await startTestAgent({ url: await startBroker(), engineUrl, diskReserve: 30_000_000 })
  const agent = localAgent(state)
  const archive = heavyArchive(60_000_000)
  const slowly = () =>
    Readable.from(
      (async function* () {
        for (let at = 0; at < archive.length; at += 1_000_000) {
          yield archive.subarray(at, at + 1_000_000)
          await delay(50)
        }
      })(),
    )
  await expect(agent.loadImages(slowly(), archive.length)).rejects.toMatchObject({
    code: 'disk-full',
    message: expect.stringMatching(/^loading images needs about 60 MB: \d+ MB free on .*data, 30 MB must stay free$/),
  })
  // Its length was not said, or others fill the disk meanwhile.
  await expect(agent.loadImages(slowly(), 0)).rejects.toMatchObject({ code: 'disk-full' })
  expect(await docker.listImages()).toHaveLength(before)
})
