/** An app by USB stick: made with the built command, loaded by an agent that no broker reaches. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { writeHead } from '../../src/bundle/bundle-head.ts'
import { openBundle } from '../../src/bundle/read-bundle.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { docker, newDeviceId, openFleet, startTestAgent } from '../support/agents.ts'
import { type BrokerUnderTest, brokers } from '../support/brokers.ts'
import { type BuiltCommand, buildCommand, type Ran, runCommand } from '../support/command.ts'
import { modelOf } from '../support/models.ts'
import { findFreePort } from '../support/mosquitto.ts'
import { endingFor, reportThat, send } from '../support/story.ts'

let built: BuiltCommand
let folder: string

beforeAll(async () => {
  built = await buildCommand()
  folder = await mkdtemp(join(tmpdir(), 'longshore-bundle-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await built.remove()
})

const longshore = (...parameters: string[]): Promise<Ran> =>
  runCommand(built.path, parameters, { env: { DOCKER_HOST: `unix://${inject('socketPath')}` } })

/** An image that is nowhere else: the example with a label of its own. */
const newImage = async (name: string, version: string): Promise<void> => {
  const engine = docker()
  const container = await engine.createContainer({ Image: 'longshore/example:1' })
  await container.commit({ repo: name, tag: '1', changes: `LABEL version=${version}` })
  await container.remove()
}

const removeImage = async (reference: string): Promise<void> => {
  await docker().getImage(reference).remove({ force: true })
}

const idOf = async (made: Ran, image: string): Promise<string> => {
  expect(made).toMatchObject({ exitCode: 0, stderr: '' })
  const { id } = JSON.parse(made.stdout).images[image]
  onTestFinished(() => removeImage(id).catch(() => undefined))
  return id
}

/** A folder on a disk of 1 MB. */
const smallDisk = async (): Promise<string> => {
  const mountPoint = await mkdtemp(join(tmpdir(), 'longshore-small-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', mountPoint])
  onTestFinished(async () => {
    execFileSync('umount', [mountPoint])
    await rm(mountPoint, { recursive: true })
  })
  return mountPoint
}

const forAnotherMachine = async (file: string): Promise<Buffer> => {
  const { bundle, close } = await openBundle(file)
  await close()
  const platform = 'linux/riscv64'
  const images = Object.fromEntries(
    Object.entries(bundle.images).map(([reference, image]) => [reference, { ...image, platform }]),
  )
  return Buffer.concat([writeHead({ ...bundle, platform, images }), Buffer.alloc(1024)])
}

const mix = async (head: string, images: string): Promise<Buffer> => {
  const [first, second] = await Promise.all([openBundle(head), openBundle(images)])
  const archive = await buffer(second.archive())
  await Promise.all([first.close(), second.close()])
  const bytes = await readFile(head)
  return Buffer.concat([bytes.subarray(0, bytes.length - first.archiveBytes), archive])
}

const containersOf = async (device: string): Promise<{ id: string; imageId: string }[]> =>
  (await docker().listContainers({ all: true, filters: { label: [`io.longshore.agent=${device}`] } })).map(
    ({ Id, ImageID }) => ({ id: Id, imageId: ImageID }),
  )

const compose = (image: string): string => `services:
  web:
    image: ${image}
    pull_policy: always
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    volumes: ["./conf.toml:/conf.toml:ro"]
    deploy: {update_config: {monitor: 300ms}}
`

test('an app and its images come to a device from a file, and so does its update', async () => {
  const device = newDeviceId()
  const name = `longshore/${device.toLowerCase()}`
  const image = `${name}:1`
  const [composeFile, first, second] = ['compose.yaml', 'first.tar', 'second.tar'].map((file) => join(folder, file))
  await writeFile(join(folder, 'conf.toml'), 'a = 1')
  await writeFile(String(composeFile), compose(image))
  const bundle = (output: string | undefined, ...more: string[]): Promise<Ran> =>
    longshore('bundle', 'shop', '-f', String(composeFile), '-o', String(output), ...more)

  await newImage(name, 'one')
  const firstId = await idOf(await bundle(first, '--json'), image)
  await removeImage(firstId)
  await newImage(name, 'two')
  const secondId = await idOf(await bundle(second, '--json'), image)
  const full = await bundle(join(await smallDisk(), 'app.tar'))
  expect(full).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/no space.*file-unwritable/s) })
  await removeImage(secondId)
  const foreign = await bundle(join(folder, 'foreign.tar'), '--platform', 'linux/riscv64')
  expect(foreign).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/image-(not-found|pull-failed)/) })

  const url = `mqtt://127.0.0.1:${await findFreePort()}` // where nobody listens
  const { state, stop } = await startTestAgent({ url, device })
  expect((await stat(join(state, 'agent.sock'))).mode & 0o777).toBe(0o600)
  const load = (file: string | undefined): Promise<Ran> =>
    longshore('load', String(file), '--state', state, '--wait', '--timeout', '30')

  // The head of one bundle before the images of another one.
  const mixed = join(folder, 'mixed.tar')
  await writeFile(mixed, await mix(String(first), String(second)))
  const foreignFile = join(folder, 'foreign.tar')
  await writeFile(foreignFile, await forAnotherMachine(String(first)))
  const refused = await load(foreignFile)
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/rejected.*linux\/riscv64.*wrong-platform/s),
  })
  expect(refused.stderr).not.toContain('loading images')
  expect(await load(mixed)).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/bundle-invalid/) })
  expect(await containersOf(device)).toEqual([])

  const loaded = await load(first)
  expect(loaded.stderr).toContain('loading images')
  expect(loaded).toMatchObject({ exitCode: 0 })
  expect(loaded.stdout).toContain(`${device}: succeeded`)
  const running = await containersOf(device)
  expect(running).toHaveLength(1)

  const again = await load(first)
  expect(again).toMatchObject({ exitCode: 0, stderr: '' })
  expect(again.stdout).toContain('is there already')
  expect(await containersOf(device)).toEqual(running)

  expect(await load(second)).toMatchObject({ exitCode: 0 })
  const updated = await containersOf(device)
  expect(updated).toHaveLength(1)
  expect(updated).not.toEqual(running)
  expect(updated[0]?.imageId).toBe(secondId)

  // Later it reaches a broker, where an older deployment stands: refused; a newer one wins.
  await stop()
  const broker = await (brokers[0] as BrokerUnderTest).start()
  onTestFinished(broker.stop)
  const fleet = await openFleet(broker.url)
  const old = { ...JSON.parse(await readFile(join(state, 'apps', 'shop.json'), 'utf8')).accepted.deployment, files: {} }
  const older = { ...old, generation: old.generation - 1_000, issuedAt: 1 }
  await fleet.publish(fleet.topics.desired(device, 'shop'), writePayload(older), { retain: true })
  await startTestAgent({ url: broker.url, device, state })
  await reportThat(fleet, device, 'shop', 'the refusal', ({ refused }) => refused?.outcome === 'stale')
  expect(await containersOf(device)).toEqual(updated)
  const newer = await send(fleet, device, modelOf('shop', { web: { environment: { TITLE: 'newer' } } }))
  expect(await endingFor(fleet, newer)).toMatchObject({ isSuccess: true })
})
