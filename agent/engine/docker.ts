/** The Docker Engine API (also Podman's), as an `Engine`. The only file tree that knows dockerode. */
import Docker from 'dockerode'
import { defined } from '../../src/defined.ts'
import { platformName } from '../../src/protocol/platform.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { HealthState } from '../../src/protocol/reported.ts'
import { label } from '../translate/engine-names.ts'
import { registryOf } from '../translate/registry.ts'
import { requireAbleToCreate, requireAbleToCreateNetwork, requireAbleToPublish } from './abilities.ts'
import { loadImages, saveImages } from './docker-archive.ts'
import { connectionOf } from './docker-connection.ts'
import { attachmentTest, nameOf, toContainer, toHealth } from './docker-container.ts'
import { createBody } from './docker-create-body.ts'
import { statusOf, translateError } from './docker-errors.ts'
import { readEvents } from './docker-events.ts'
import { readLogs } from './docker-log-stream.ts'
import { readLastLines } from './docker-logs.ts'
import { endpointBody, networkBody, volumeBody } from './docker-network-body.ts'
import { followPull, openPull, withOffered } from './docker-pull.ts'
import { runToEnd } from './docker-run.ts'
import { hasCdi, toState, toUserNamespaces } from './docker-state.ts'
import type { Engine, EngineImage, RegistryCredentials } from './engine.ts'

/**
 * An engine at `unix:///path`, `http://host:port` or `tcp://host:port`. Opens nothing before the first call.
 * @param pullStallMs without a byte for this long a pull is given up
 */
export const dockerEngine = (engineUrl: string, pullStallMs = 120_000): Engine => {
  const docker = new Docker({ ...connectionOf(engineUrl) })
  /** By container, where the engine cannot change one. It tells the planner that the step is done; see `setRestart`. */
  const assumedPolicies = new Map<string, string>()

  /** Runs a call; statuses in `ignored` mean that it is already so. */
  const attempt = async <T>(
    doing: string,
    call: () => Promise<T>,
    ignored: readonly number[] = [],
  ): Promise<T | undefined> => {
    try {
      return await call()
    } catch (error) {
      const status = statusOf(error)
      if (status !== undefined && ignored.includes(status)) return undefined
      throw translateError(error, doing)
    }
  }

  /** Not those of `docker-compose run`, which end by themselves. */
  const listProject = async (project: string): Promise<Docker.ContainerInfo[]> => {
    const labels = [`com.docker.compose.project=${project}`, 'com.docker.compose.oneoff=False']
    const containers = await docker.listContainers({ all: true, filters: { label: labels } })
    return containers.filter(({ Labels }) => Labels[label.agent] === undefined)
  }

  const list: Engine['list'] = async ({ agent, app, project }) => {
    const labels = [`${label.agent}=${agent}`, ...(app === undefined ? [] : [`${label.app}=${app}`])]
    const containersWith = (filters: Record<string, string[]>) =>
      docker.listContainers({ all: true, filters: { label: labels, ...filters } })
    const [containers, starting, healthy, unhealthy, networks, volumes, ofProject] = await Promise.all([
      containersWith({}),
      containersWith({ health: ['starting'] }),
      containersWith({ health: ['healthy'] }),
      containersWith({ health: ['unhealthy'] }),
      docker.listNetworks(),
      docker.listVolumes(),
      project === undefined ? undefined : listProject(project),
    ])
    // The list itself does not tell health, but takes a filter for it.
    const health = new Map<string, HealthState>()
    for (const { Id } of starting) health.set(Id, 'starting')
    for (const { Id } of healthy) health.set(Id, 'healthy')
    for (const { Id } of unhealthy) health.set(Id, 'unhealthy')
    const isThere = attachmentTest(networks)
    return {
      containers: containers.map((info) => toContainer(info, health.get(info.Id) ?? 'none', isThere)),
      networks: networks.map(({ Id, Name, Labels }) => ({ id: Id, name: Name, labels: Labels ?? {} })),
      volumes: (volumes.Volumes ?? []).map(({ Name, Labels }) => ({ id: Name, name: Name, labels: Labels ?? {} })),
      ...(ofProject === undefined ? {} : { project: ofProject.map((info) => toContainer(info, 'none', isThere)) }),
    }
  }

  /**
   * Kept from the last time that somebody asked for the facts, as is done whenever the event stream is opened: an engine
   * may be updated under a running agent. Podman takes a third of a second to answer.
   */
  let known: EngineKind | undefined
  const kind = async (): Promise<EngineKind> => {
    known ??= toKind(await translated('asking the engine for its version', () => docker.version()))
    return known
  }

  /** Whose a taken name is, to say so: another agent's, or nothing of ours. */
  const nameError = async (name: string, error: LongshoreError): Promise<LongshoreError> => {
    const labels: Record<string, string> | undefined = await docker
      .getContainer(name)
      .inspect()
      .then(({ Config }) => Config.Labels ?? {})
      .catch(() => undefined)
    const agent = labels?.[label.agent]
    return agent === undefined
      ? new LongshoreError('name-in-use', `container ${name} exists and is not of Longshore`, { cause: error })
      : new LongshoreError('name-taken', `container ${name} belongs to app ${labels?.[label.app]} of agent ${agent}`, {
          cause: error,
        })
  }

  const image = async (reference: string): Promise<EngineImage | undefined> => {
    const info = await attempt(`inspecting image ${reference}`, () => docker.getImage(reference).inspect(), [404])
    return (
      info && {
        id: info.Id,
        platform: platformName(info.Os ?? '', info.Architecture ?? '', info.Variant),
        sizeBytes: info.Size,
        digests: [...(info.RepoDigests ?? [])].sort(),
        // Podman writes out the registry that Docker leaves away.
        names: (info.RepoTags ?? []).map((name) => name.replace(/^docker\.io\/(library\/)?/, '')).sort(),
      }
    )
  }

  return {
    facts: async () => {
      const [version, info] = await translated('asking the engine for its version', () =>
        Promise.all([docker.version(), docker.info()]),
      )
      known = toKind(version)
      return {
        ...known,
        version: version.Version,
        os: String(info.OSType ?? version.Os),
        arch: version.Arch,
        // Of both only the kernel's own name tells a variant of arm.
        platform: platformName(String(info.OSType ?? version.Os), String(info.Architecture ?? version.Arch)),
        storageDriver: String(info.Driver),
        dataRoot: String(info.DockerRootDir),
        ...defined({ loggingDriver: info.LoggingDriver || undefined }),
        cgroupVersion: String(info.CgroupVersion ?? '1'),
        runtimes: Object.keys(info.Runtimes ?? {}).sort(),
        hasCdi: hasCdi(known.name, version.Version, info.CDISpecDirs),
        ...defined({ userNamespaces: toUserNamespaces(info.SecurityOptions) }),
      }
    },
    list: (scope) => translated('listing what is on the engine', () => list(scope)),
    details: async (id) => {
      const info = await attempt(`inspecting ${id}`, () => docker.getContainer(id).inspect(), [404])
      if (info === undefined) {
        assumedPolicies.delete(id)
        return undefined
      }
      const [startedAt, finishedAt] = [toEpochMs(info.State.StartedAt), toEpochMs(info.State.FinishedAt)]
      const state = toState(info.State.Status)
      return {
        state,
        health: state === 'running' ? toHealth(info.State.Health?.Status) : 'none',
        exitCode: info.State.ExitCode,
        ...(startedAt === undefined ? {} : { startedAt }),
        ...(finishedAt === undefined ? {} : { finishedAt }),
        restarts: info.RestartCount,
        restartPolicy: assumedPolicies.get(id) ?? (info.HostConfig.RestartPolicy?.Name || 'no'),
        isOutOfMemory: info.State.OOMKilled,
        ...(info.State.Pid > 0 ? { pid: info.State.Pid } : {}),
        aliases: aliasesOf(info),
      }
    },
    image,
    imageIds: () => translated('listing images', async () => (await docker.listImages()).map(({ Id }) => Id)),
    imagesInUse: () =>
      translated('listing the images of containers', async () => [
        ...new Set((await docker.listContainers({ all: true })).map(({ ImageID }) => ImageID)),
      ]),
    pull: async (reference, onProgress, signal, { platform, credentials } = {}) => {
      const name = withTag(reference)
      const authconfig = authOf(reference, credentials)
      try {
        const ask = (abortSignal: AbortSignal) => docker.pull(name, defined({ abortSignal, platform, authconfig }))
        const stream = await openPull(ask, reference, signal, pullStallMs)
        await followPull(stream, reference, onProgress, signal, pullStallMs)
      } catch (error) {
        throw await withOffered(error, () => docker.getImage(name).distribution(defined({ authconfig })))
      }
      const pulled = await image(name)
      if (pulled === undefined) throw new LongshoreError('image-pull-failed', `pull of ${reference}: it is gone again`)
      return pulled
    },
    tagImage: async (id, reference) => {
      const [, repo = '', tag = ''] = /^(.*):([^:/]+)$/.exec(withTag(reference)) ?? []
      await attempt(`naming image ${id} ${reference}`, () => docker.getImage(id).tag({ repo, tag }))
    },
    untagImage: async (reference) => {
      await attempt(
        `taking the name ${reference} away`,
        () => docker.getImage(withTag(reference)).remove({ noprune: true }),
        [404],
      )
    },
    saveImages: (references, signal) => saveImages(docker, references, signal),
    loadImages: (archive, signal) => loadImages(docker, archive, signal),
    createNetwork: async (name, spec) => {
      const doing = `creating network ${name}`
      requireAbleToCreateNetwork((await kind()).apiVersion, spec, doing)
      await attempt(doing, () => docker.createNetwork(networkBody(name, spec)))
    },
    removeNetwork: async (id) => {
      const call = async (): Promise<void> => {
        // Podman would take it, by its id, from under containers that run.
        const users = await docker.listContainers({ filters: { network: [id] } })
        const names = users.map(({ Names }) => nameOf(Names))
        if (names.length > 0) throw new Error(`it is in use by ${names.sort().join(', ')}`)
        await docker.getNetwork(id).remove()
      }
      await attempt(`removing network ${id}`, call, [404])
    },
    connectNetwork: async (id, attachment) => {
      const { network } = attachment
      await attempt(`connecting ${id} to ${network}`, async () => {
        try {
          await docker.getNetwork(network).connect({ Container: id, EndpointConfig: endpointBody(attachment) })
        } catch (error) {
          if (!/already exists in network|is already connected to network/.test(String((error as Error).message)))
            throw error
        }
      })
    },
    createVolume: async (name, spec) => {
      await attempt(`creating volume ${name}`, () => docker.createVolume(volumeBody(name, spec)))
    },
    removeVolume: async (name) => {
      await attempt(`removing volume ${name}`, () => docker.getVolume(name).remove(), [404])
    },
    createContainer: async (name, spec) => {
      const doing = `creating container ${name}`
      const { name: engineName, apiVersion } = await kind()
      requireAbleToCreate(apiVersion, spec, doing)
      requireAbleToPublish(engineName, spec, doing)
      try {
        await attempt(doing, () => docker.createContainer(createCall(createBody(name, spec, apiVersion))))
      } catch (error) {
        throw error instanceof LongshoreError && error.code === 'name-in-use' ? await nameError(name, error) : error
      }
    },
    startContainer: async (id) => {
      await attempt(`starting ${id}`, () => docker.getContainer(id).start(), [304])
    },
    stopContainer: async (id, timeoutS) => {
      await attempt(`stopping ${id}`, () => docker.getContainer(id).stop({ t: timeoutS }), [304, 404])
    },
    removeContainer: async (id, { volumes }) => {
      assumedPolicies.delete(id)
      await attempt(`removing ${id}`, async () => {
        try {
          await docker.getContainer(id).remove({ v: volumes, force: false })
        } catch (error) {
          if (!/removal of container .* is already in progress/.test(String((error as Error).message))) throw error
        }
      }, [404])
    },
    renameContainer: async (id, name) => {
      try {
        await attempt(`renaming ${id} to ${name}`, () => docker.getContainer(id).rename({ name }))
      } catch (error) {
        throw error instanceof LongshoreError && error.code === 'name-in-use' ? await nameError(name, error) : error
      }
    },
    setRestart: async (id, { name, maximumRetryCount }) => {
      const policy = defined({ Name: name, MaximumRetryCount: maximumRetryCount })
      const doing = `setting the restart policy of ${id} to ${name}`
      const container = docker.getContainer(id)
      if ((await attempt(doing, () => container.update({ RestartPolicy: policy }), [404])) !== undefined) return
      // It is gone, or Podman 4 has no such call. What is stopped over its API, Podman restarts under no policy.
      if ((await attempt(doing, () => container.inspect(), [404])) !== undefined) assumedPolicies.set(id, name)
    },
    signalContainer: async (id, signal) => {
      const container = docker.getContainer(id)
      try {
        await attempt(`sending ${signal} to ${id}`, () => container.kill({ signal: `SIG${signal}` }), [404])
      } catch (error) {
        // Docker says 409 of one that does not run, Podman 500, which it says of much else too.
        const found = await attempt(`inspecting ${id}`, () => container.inspect(), [404])
        if (found?.State.Running === true) throw error
      }
    },
    withdrawAliases: async (id, network) => {
      const doing = `withdrawing the aliases of ${id} on ${network}`
      // An engine changes no alias of a container that is connected. One that is lost in between is about to be stopped.
      await attempt(doing, () => docker.getNetwork(network).disconnect({ Container: id }), [404])
      await attempt(doing, () => docker.getNetwork(network).connect({ Container: id }), [404])
    },
    runToEnd: (id, onOutput, signal) => runToEnd(docker, id, onOutput, signal),
    lastLines: (id, count) => readLastLines(docker, id, count),
    logs: (id, query, signal) => readLogs(docker, id, query, signal),
    events: (signal) => readEvents(docker, signal),
  }
}

type EngineKind = { readonly name: 'docker' | 'podman'; readonly apiVersion: string }

const toKind = ({ Components, ApiVersion }: Docker.DockerVersion): EngineKind => ({
  name: Components?.[0]?.Name.startsWith('Podman') ? 'podman' : 'docker',
  apiVersion: ApiVersion,
})

const aliasesOf = ({ NetworkSettings }: Docker.ContainerInspectInfo): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(NetworkSettings?.Networks ?? {}).map(([name, { Aliases }]) => [name, [...(Aliases ?? [])]]),
  )

/** Left to itself dockerode writes the whole body into the address as well, with every variable of the environment. */
const createCall = ({ name, platform, ...body }: Docker.ContainerCreateOptions): Docker.ContainerCreateOptions => {
  const call = { _query: defined({ name, platform }), _body: body }
  return call as Docker.ContainerCreateOptions
}

const translated = async <T>(doing: string, call: () => Promise<T>): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    throw translateError(error, doing)
  }
}

/** The engine says year 1 for "never". */
const toEpochMs = (text: string): number | undefined => {
  const time = Date.parse(text)
  return Number.isNaN(time) || time <= 0 ? undefined : time
}

const authOf = (reference: string, credentials: RegistryCredentials | undefined): Docker.AuthConfig | undefined => {
  if (credentials === undefined) return undefined
  const serveraddress = registryOf(reference)
  const auth =
    'identityToken' in credentials
      ? { identitytoken: credentials.identityToken, serveraddress }
      : { ...credentials, serveraddress }
  return auth as Docker.AuthConfig
}

/** Without a tag the API pulls every tag of a repository. */
const withTag = (reference: string): string =>
  reference.includes('@') || /:[^/]+$/.test(reference) ? reference : `${reference}:latest`
