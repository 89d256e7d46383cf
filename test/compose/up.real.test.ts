/** The containers of a project as `docker-compose up` makes them, and as this does: the engine must say the same of both. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type Docker from 'dockerode'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import { diskFiles } from '../../agent/files/disk-files.ts'
import { unpackFiles } from '../../agent/reconcile/unpack-files.ts'
import {
  containerName,
  followedServices,
  networkKeys,
  networkName,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../../agent/translate/engine-names.ts'
import { translateAttachment, translateNetwork, translateVolume } from '../../agent/translate/network-spec.ts'
import { projectMounts } from '../../agent/translate/project-mounts.ts'
import { translateService } from '../../agent/translate/translate-service.ts'
import { prepareRelease } from '../../src/cli/prepare-release.ts'
import { docker, newDeviceId, removeEverythingOf } from '../support/agents.ts'
import { isOracle } from './docker-compose.ts'
import { type Sample, samples } from './samples.ts'

type Inspected = Docker.ContainerInspectInfo

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-up-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const projectOf = async ({ name, compose, files = {} }: Sample): Promise<string> => {
  const project = join(folder, name)
  for (const [path, text] of Object.entries({ ...files, 'compose.yaml': compose })) {
    await mkdir(dirname(join(project, path)), { recursive: true })
    await writeFile(join(project, path), text)
  }
  return project
}

const removeProject = async (app: string): Promise<void> => {
  const engine = docker()
  const filters = { label: [`com.docker.compose.project=${app}`] }
  for (const { Id } of await engine.listContainers({ all: true, filters }))
    await engine.getContainer(Id).remove({ force: true, v: true })
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove()
  for (const { Name } of (await engine.listVolumes({ filters })).Volumes ?? []) await engine.getVolume(Name).remove()
}

/** By service; created, and started only where asked for. */
const madeByCompose = async (project: string, app: string, isStarted = false): Promise<Record<string, Inspected>> => {
  try {
    const env = { PATH: process.env.PATH, HOME: project, LC_ALL: 'C.UTF-8' }
    const parameters = ['-p', app, '-f', 'compose.yaml', 'up', isStarted ? '--detach' : '--no-start']
    await promisify(execFile)('docker-compose', parameters, { cwd: project, env, timeout: 60_000 })
    const filters = { label: [`com.docker.compose.project=${app}`] }
    const containers = await docker().listContainers({ all: true, filters })
    return Object.fromEntries(
      await Promise.all(
        containers.map(async ({ Id, Labels }) => [
          Labels['com.docker.compose.service'],
          await docker().getContainer(Id).inspect(),
        ]),
      ),
    )
  } finally {
    await removeProject(app)
  }
}

/** What the command reads, as the agent makes it. */
const madeByUs = async (project: string, app: string): Promise<Record<string, Inspected>> => {
  const agent = newDeviceId()
  const owner = { agent, namePrefix: '' }
  const engine = dockerEngine(`unix://${inject('socketPath')}`)
  const { compose: model, files: packed } = await prepareRelease({ file: [join(project, 'compose.yaml')] }, app)
  const unpacked = unpackFiles(packed)
  if ('reason' in unpacked) throw new Error(unpacked.reason.message)
  const { files, contents } = unpacked
  const state = `${project}.state`
  const store = diskFiles(state, undefined)
  const paths = store.paths(app)
  try {
    await store.keep(app, contents, new Set(contents.keys()))
    await cp(project, paths.data, { recursive: true })
    for (const key of usedNetworkKeys(model))
      await engine.createNetwork(networkName(owner, app, model, key), translateNetwork(owner, app, model, key))
    for (const key of usedVolumeKeys(model))
      await engine.createVolume(volumeName(owner, app, model, key), translateVolume(owner, app, model, key))
    const ids: Record<string, string> = {}
    const made: Record<string, Inspected> = {}
    const order = Object.entries(model.services).sort(
      ([, a], [, b]) => followedServices(model, a).length - followedServices(model, b).length,
    )
    for (const [name, service] of order) {
      const release = { compose: model, files, secretVersions: {} }
      for (const mount of projectMounts(release, service))
        if (mount.kind === 'tree') await store.placeTree(app, mount.tree, async () => Buffer.of())
      const input = { owner, app, model, name, service, number: 1, files, secretVersions: {}, paths }
      const spec = translateService({
        ...input,
        imageId: inject('exampleImageId'),
        digest: 'd',
        generation: 1,
        release: 'r',
        cause: 'a test',
        joined: ids,
      })
      const container = containerName(owner, app, name, service)
      await engine.createContainer(container, spec)
      const { Id } = await docker().getContainer(container).inspect()
      ids[name] = Id
      for (const key of networkKeys(service).slice(1)) await engine.connectNetwork(Id, translateAttachment(input, key))
      made[name] = await docker().getContainer(Id).inspect()
    }
    return made
  } finally {
    await removeEverythingOf(agent)
  }
}

/** What differs for a reason, taken away from both. */
const normal = (info: Inspected, app: string, all: Record<string, Inspected>): object => {
  const { Config, HostConfig, Mounts, NetworkSettings } = info
  const ids = Object.fromEntries(Object.entries(all).map(([service, { Id }]) => [Id, service]))
  const named = (text: string): string => text.replace(app, 'APP')
  /** Fields of no meaning for what runs: ids and attachments of the call itself, and what stands once more elsewhere. */
  const { Hostname, Image, AttachStdin, AttachStdout, AttachStderr, StdinOnce, Volumes, OnBuild, ...config } =
    Config as typeof Config & Record<string, unknown>
  const {
    Binds,
    Mounts: _,
    ContainerIDFile,
    Links,
    VolumesFrom,
    ...host
  } = HostConfig as typeof HostConfig & Record<string, unknown>
  const restart = HostConfig.RestartPolicy
  return {
    config: {
      ...config,
      // Without one, an engine takes the id: its own, or that of the container whose network it joins.
      Hostname: Object.keys(ids).some((id) => id.startsWith(String(Hostname))) ? '' : Hostname,
      Env: [...(Config.Env ?? [])].sort(),
      ExposedPorts: Config.ExposedPorts ?? {},
      Labels: Object.fromEntries(
        Object.entries(Config.Labels).filter(([key]) => !/^(com\.docker\.compose|io\.longshore)\./.test(key)),
      ),
    },
    host: Object.fromEntries(
      Object.entries({
        ...host,
        NetworkMode: named(String(HostConfig.NetworkMode)).replace(
          /^container:(\w+)$/,
          (_all, id) => `container:${ids[String(id)]}`,
        ),
        // Absent means unless-stopped here, and always is given to the engine as that.
        RestartPolicy: restart?.Name === 'on-failure' ? restart : { Name: 'unless-stopped', MaximumRetryCount: 0 },
        // One of them writes an empty list or map where the other writes nothing.
      }).map(([key, value]) => [key, isEmpty(value) ? null : value]),
    ),
    mounts: [...Mounts]
      .map(({ Type, Destination, RW, Driver, Name }) => ({
        Type,
        Destination,
        RW,
        Driver: Driver ?? '',
        Name: Name === undefined ? '' : named(Name),
      }))
      .sort((a, b) => (a.Destination < b.Destination ? -1 : 1)),
    networks: Object.fromEntries(
      Object.entries(NetworkSettings.Networks).map(([name, { Aliases, IPAMConfig }]) => [
        named(name),
        {
          aliases: [...new Set<string>(Aliases ?? [])]
            .filter((alias) => !info.Id.startsWith(alias) && alias !== info.Name.slice(1))
            .sort(),
          addresses: isEmpty(IPAMConfig) ? null : IPAMConfig,
        },
      ]),
    ),
  }
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  value === 0 ||
  (typeof value === 'object' && Object.keys(value).length === 0)

test('docker-compose 1.29 is what this is held against', async () => {
  expect(await isOracle()).toBe(true)
  expect(samples.length).toBeGreaterThanOrEqual(40)
})

test.concurrent.each(samples)(
  '$name',
  async (sample) => {
    const project = await projectOf(sample)
    const id = `up${process.pid}${samples.indexOf(sample)}`
    const theirs = await madeByCompose(project, `${id}c`, sample.isStarted)
    const ours = await madeByUs(project, `${id}l`)
    const all = (made: Record<string, Inspected>, app: string) =>
      Object.fromEntries(
        Object.entries(made)
          .sort()
          .map(([service, info]) => [service, normal(info, app, made)]),
      )
    expect(all(ours, `${id}l`)).toEqual(all(theirs, `${id}c`))
  },
  60_000,
)
