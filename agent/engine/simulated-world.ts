/** What is on a simulated engine, and what its containers do. Synchronous: the calls around it are in `simulated.ts`. */
import type { Code } from '../../src/protocol/codes.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { HealthState } from '../../src/protocol/reported.ts'
import type { ContainerSpec, PortSpec } from '../translate/container-spec.ts'
import { label } from '../translate/engine-names.ts'
import type { AttachmentSpec, NetworkSpec, VolumeSpec } from '../translate/network-spec.ts'
import type { EngineContainer, EngineEvent, EngineState, NamedObject } from './engine.ts'

export type SimulatedImage = {
  readonly id: string
  /** paths its containers keep in anonymous volumes */
  readonly volumes: readonly string[]
  readonly platform: string
  readonly digests: readonly string[]
}

export type SimulatedContainer = {
  readonly id: string
  readonly spec: ContainerSpec
  name: string
  state: EngineState
  health: HealthState
  /** by name; bound from its start on to the id that the network had then */
  readonly networks: Map<string, Attached>
  /** volumes by where they are mounted; `isOwn`: made with the container, and removed with it when asked */
  readonly volumes: ReadonlyMap<string, { readonly name: string; readonly isOwn: boolean }>
  /** as `8080/tcp`, while it runs */
  hostPorts: readonly string[]
  restartPolicy: string
  /** stopped or killed over the API, so that no restart policy brings it back */
  isStoppedByHand: boolean
  exitCode: number
  restarts: number
  isOutOfMemory: boolean
  /** what it said */
  lines: readonly string[]
  startedAt?: number
  finishedAt?: number
}

/** `spec` is what it was made with. */
export type SimulatedNetwork = NamedObject & { readonly spec: NetworkSpec }
export type SimulatedVolume = NamedObject & { readonly spec: VolumeSpec }

type Attached = { readonly attachment: AttachmentSpec; readonly boundTo?: string }

export type World = ReturnType<typeof newWorld>

/** `emit` is told of everything that the event stream of an engine would tell. */
export const newWorld = (now: () => number, emit: (event: EngineEvent) => void) => {
  const containers = new Map<string, SimulatedContainer>()
  const networks = new Map<string, SimulatedNetwork>()
  const volumes = new Map<string, SimulatedVolume>()
  /** local images by reference */
  const images = new Map<string, SimulatedImage>()
  /** host ports that a process outside the engine holds, as `8080/tcp` */
  const foreignPorts = new Set<string>()
  let counter = 0

  const newId = (): string => {
    counter += 1
    return counter.toString(16).padStart(64, '0')
  }
  const tell = (container: SimulatedContainer, action: string): void =>
    emit({ subject: 'container', action, id: container.id, labels: container.spec.labels })
  const find = (id: string): SimulatedContainer | undefined =>
    containers.get(id) ?? [...containers.values()].find(({ name }) => name === id)
  const get = (id: string, doing: string): SimulatedContainer => find(id) ?? fail(doing, `no such container: ${id}`)
  const image = (reference: string): SimulatedImage | undefined =>
    images.get(reference) ?? [...images.values()].find(({ id }) => id === reference)

  const namesOf = (id: string): string[] =>
    [...images].flatMap(([name, other]) => (other.id === id && name !== id ? [name] : []))

  /** Also by digest, or by the id of one that has no name. */
  const untag = (reference: string): void => {
    const named = images.get(reference) ?? [...images.values()].find(({ digests }) => digests.includes(reference))
    if (named === undefined) return
    const others = namesOf(named.id).filter((name) => name !== reference)
    if (others.length > 0) {
      const digests = named.digests.filter((digest) => digest !== reference)
      for (const name of others) images.set(name, { ...named, digests })
      if (reference !== named.id) images.delete(reference)
      return
    }
    const user = [...containers.values()].find(({ spec }) => spec.imageId === named.id)
    if (user !== undefined) fail(`removing image ${reference}`, `${user.name} uses it`)
    images.delete(reference)
    images.delete(named.id)
  }

  const requireFreeName = (name: string, doing: string, id?: string): void => {
    const holder = [...containers.values()].find((container) => container.name === name)
    if (holder === undefined || holder.id === id) return
    const owner = holder.spec.labels[label.agent]
    fail(
      doing,
      `the name belongs to ${owner ?? 'nothing of Longshore'}`,
      owner === undefined ? 'name-in-use' : 'name-taken',
    )
  }

  const createNetwork = (name: string, spec: NetworkSpec): void => {
    const doing = `creating network ${name}`
    if (networks.has(name)) fail(doing, 'it exists already', 'name-in-use')
    const subnets = subnetsOf(spec)
    const clash = [...networks.values()].find((other) =>
      subnetsOf(other.spec).some((subnet) => subnets.includes(subnet)),
    )
    if (clash !== undefined) fail(doing, `its pool overlaps with that of ${clash.name}`)
    networks.set(name, { id: newId(), name, labels: { ...spec.labels }, spec })
  }

  const createVolume = (name: string, spec: VolumeSpec): void => {
    if (!volumes.has(name)) volumes.set(name, { id: name, name, labels: { ...spec.labels }, spec })
  }

  const mountedVolumes = (spec: ContainerSpec, paths: readonly string[]): SimulatedContainer['volumes'] => {
    const mounted = new Map<string, { name: string; isOwn: boolean }>()
    for (const mount of spec.mounts)
      if (mount.type === 'volume')
        mounted.set(mount.target, { name: mount.source ?? newId(), isOwn: mount.source === undefined })
    const covered = new Set(spec.mounts.map(({ target }) => target))
    for (const path of paths.filter((path) => !covered.has(path))) mounted.set(path, { name: newId(), isOwn: true })
    // An engine makes what a container mounts and nobody has made before.
    for (const { name } of mounted.values()) createVolume(name, { labels: {}, driverOptions: {} })
    return mounted
  }

  const create = (name: string, spec: ContainerSpec): SimulatedContainer => {
    const doing = `creating container ${name}`
    requireFreeName(name, doing)
    const { volumes: paths } = image(spec.imageId) ?? fail(doing, `no such image: ${spec.imageId}`, 'image-not-found')
    for (const source of spec.volumesFrom ?? [])
      if (find(source.replace(/:ro$/, '')) === undefined) fail(doing, `no such container: ${source}`)
    const { networking } = spec
    const container: SimulatedContainer = {
      id: newId(),
      spec,
      name,
      state: 'created',
      health: 'none',
      networks: new Map(
        networking.kind === 'attached'
          ? networking.attachments.slice(0, 1).map((attachment) => [attachment.network, { attachment }])
          : [],
      ),
      volumes: mountedVolumes(spec, paths),
      hostPorts: [],
      restartPolicy: spec.restart.name,
      isStoppedByHand: false,
      exitCode: 0,
      restarts: 0,
      isOutOfMemory: false,
      lines: [],
    }
    containers.set(container.id, container)
    tell(container, 'create')
    return container
  }

  const requireAttachable = (container: SimulatedContainer, { attachment, boundTo }: Attached, doing: string): void => {
    const network = networks.get(attachment.network) ?? fail(doing, `network ${attachment.network} not found`)
    if (boundTo !== undefined && boundTo !== network.id) fail(doing, `network ${boundTo} not found`)
    const { ipv4Address, ipv6Address } = attachment
    for (const address of [ipv4Address, ipv6Address]) {
      if (address === undefined) continue
      if (subnetsOf(network.spec).length === 0) fail(doing, `network ${network.name} has no subnet for ${address}`)
      const holder = [...containers.values()].find((other) => {
        const theirs = other.networks.get(network.name)?.attachment
        return other !== container && isActive(other) && [theirs?.ipv4Address, theirs?.ipv6Address].includes(address)
      })
      if (holder !== undefined) fail(doing, `${holder.name} has the address ${address}`)
    }
  }

  /** Refuses what an engine refuses; the container then stays as it was. */
  const requireStartable = (container: SimulatedContainer, doing: string): void => {
    if (container.state === 'paused') fail(doing, 'the container is paused')
    if (container.state === 'dead' || container.state === 'removing') fail(doing, `the container is ${container.state}`)
    for (const attached of container.networks.values()) requireAttachable(container, attached, doing)
    const { networking } = container.spec
    if (networking.kind === 'joined' && find(networking.containerId)?.state !== 'running')
      fail(doing, 'cannot join the network of a container that does not run')
    for (const mode of [container.spec.ipcMode, container.spec.pidMode]) {
      const joined = /^container:(.*)$/.exec(mode ?? '')?.[1]
      if (joined !== undefined && find(joined)?.state !== 'running')
        fail(doing, 'cannot join a namespace of a container that does not run')
    }
    const others = [...containers.values()].filter((other) => other !== container && isActive(other))
    const taken = new Set([...foreignPorts, ...others.flatMap(({ hostPorts }) => hostPorts)])
    container.hostPorts = container.spec.ports.flatMap((port) => {
      if (port.published === undefined || port.published === 0) return []
      const free = candidates(port).find((candidate) => !taken.has(candidate))
      return [free ?? fail(doing, `port ${candidates(port)[0]} is already allocated`, 'port-in-use')]
    })
  }

  const run = (container: SimulatedContainer): void => {
    const test = container.spec.healthcheck?.test
    container.state = 'running'
    container.health = test === undefined || test[0] === 'NONE' ? 'none' : 'starting'
    container.isStoppedByHand = false
    container.startedAt = now()
    for (const [name, { attachment }] of container.networks) {
      const boundTo = networks.get(name)?.id
      container.networks.set(name, { attachment, ...(boundTo === undefined ? {} : { boundTo }) })
    }
    tell(container, 'start')
  }

  const end = (container: SimulatedContainer, exitCode: number): void => {
    container.state = 'exited'
    container.health = 'none'
    container.exitCode = exitCode
    container.finishedAt = now()
    tell(container, 'die')
  }

  return {
    containers,
    networks,
    volumes,
    images,
    foreignPorts,
    newId,
    find,
    image,
    create,
    tell,
    start: (id: string): void => {
      const doing = `starting ${id}`
      const container = get(id, doing)
      if (container.state === 'running' || container.state === 'restarting') return
      requireStartable(container, doing)
      container.restarts = 0
      run(container)
    },
    /** Ends it over the API: no restart policy applies. What is gone or does not run is left as it is. */
    stop: (id: string, exitCode: number): void => {
      const container = find(id)
      if (container === undefined || !isActive(container)) return
      container.isStoppedByHand = true
      end(container, exitCode)
    },
    /** The main process ends by itself, and the restart policy decides what follows. */
    exit: (container: SimulatedContainer, exitCode: number): void => {
      if (!isActive(container)) return
      end(container, exitCode)
      if (!isRestarted(container)) return
      container.restarts += 1
      run(container)
    },
    rename: (id: string, name: string): void => {
      const doing = `renaming ${id} to ${name}`
      const container = get(id, doing)
      requireFreeName(name, doing, container.id)
      container.name = name
      tell(container, 'rename')
    },
    remove: (id: string, withVolumes: boolean): void => {
      const container = find(id)
      if (container === undefined) return
      if (isActive(container)) fail(`removing ${id}`, 'the container runs; stop it first')
      containers.delete(container.id)
      if (withVolumes) for (const { name, isOwn } of container.volumes.values()) if (isOwn) volumes.delete(name)
      tell(container, 'destroy')
    },
    namesOf,
    untag,
    createNetwork,
    createVolume,
    removeNetwork: (id: string): void => {
      const network = [...networks.values()].find((other) => other.id === id || other.name === id)
      if (network === undefined) return
      const user = [...containers.values()].find((other) => isActive(other) && other.networks.has(network.name))
      if (user !== undefined) fail(`removing network ${network.name}`, `${user.name} is on it`)
      networks.delete(network.name)
    },
    connect: (id: string, attachment: AttachmentSpec): void => {
      const name = attachment.network
      const doing = `connecting ${id} to ${name}`
      const container = get(id, doing)
      if (!networks.has(name)) fail(doing, `network ${name} not found`)
      if (container.spec.networking.kind === 'joined') fail(doing, 'the container uses the network of another')
      container.networks.set(name, { attachment })
    },
    withdrawAliases: (id: string, name: string): void => {
      const container = find(id)
      const attached = container?.networks.get(name)
      if (attached !== undefined)
        container?.networks.set(name, { ...attached, attachment: { network: name, aliases: [] } })
    },
    removeVolume: (name: string): void => {
      const user = [...containers.values()].find((other) =>
        [...other.volumes.values()].some((volume) => volume.name === name),
      )
      if (user !== undefined) fail(`removing volume ${name}`, `${user.name} uses it`)
      volumes.delete(name)
    },
  }
}

export const fail = (doing: string, why: string, code: Code = 'engine-error'): never => {
  throw new LongshoreError(code, `${doing}: ${why}`)
}

export const isActive = ({ state }: SimulatedContainer): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting'

export const toEngineContainer = (container: SimulatedContainer, there: World['networks']): EngineContainer => {
  const { id, name, spec, state, health, networks, volumes } = container
  return {
    id,
    name,
    labels: spec.labels,
    state,
    health: state === 'running' ? health : 'none',
    imageId: spec.imageId,
    networks: [...networks].flatMap(([name, { boundTo }]) => {
      const network = there.get(name)
      return network === undefined || (boundTo !== undefined && boundTo !== network.id) ? [] : [name]
    }),
    anonymousVolumes: Object.fromEntries(
      [...volumes].flatMap(([target, volume]) => (/^[0-9a-f]{64}$/.test(volume.name) ? [[target, volume.name]] : [])),
    ),
  }
}

const isRestarted = ({ restartPolicy, isStoppedByHand, exitCode, restarts, spec }: SimulatedContainer): boolean => {
  if (isStoppedByHand) return false
  if (restartPolicy !== 'on-failure') return restartPolicy === 'unless-stopped' || restartPolicy === 'always'
  return exitCode !== 0 && restarts < (spec.restart.maximumRetryCount ?? Number.POSITIVE_INFINITY)
}

const subnetsOf = ({ ipam }: NetworkSpec): string[] =>
  (ipam?.pools ?? []).flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet]))

const candidates = ({ published = 0, protocol }: PortSpec): string[] => {
  const { from, to } = typeof published === 'number' ? { from: published, to: published } : published
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol}`)
}
