/**
 * An engine in memory, for the simulated agent of tests and capacity planning. It behaves as Docker does wherever the
 * planner cares, and passes the same contract suite. Never a place for what a real engine would not do.
 */
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Code } from '../../src/protocol/codes.ts'
import type { HealthState } from '../../src/protocol/reported.ts'
import type { ContainerSpec } from '../translate/container-spec.ts'
import type { NetworkSpec, VolumeSpec } from '../translate/network-spec.ts'
import { requireAbleToCreate, requireAbleToCreateNetwork } from './abilities.ts'
import type { Engine, EngineEvent, EngineImage, EngineState, NamedObject } from './engine.ts'
import { logTime } from './log-time.ts'
import { createBroadcast } from './simulated-events.ts'
import {
  fail,
  newWorld,
  type SimulatedContainer,
  type SimulatedImage,
  toEngineContainer,
  type World,
} from './simulated-world.ts'

/** Named as the calls of the interface are. */
export type CallKind = Exclude<keyof Engine, 'events'>

export type Call = { readonly kind: CallKind; readonly target: string }

export type SimulatedInput = {
  /** epoch ms of the engine's clock */
  readonly now: () => number
  /** Fault points. One that throws fails the call: `beforeCall` before it has any effect, `afterCall` after it. */
  readonly beforeCall?: (call: Call) => void
  readonly afterCall?: (call: Call) => void
}

export type SimulatedEngine = Engine & { readonly controls: SimulatedControls }

export type SimulatedControls = ReturnType<typeof createControls>

type Fault = { readonly kind: CallKind; readonly code: Code; times: number }

type Reach = {
  isAway: boolean
  isHolding: boolean
  readonly held: Set<() => void>
  readonly faults: Fault[]
  readonly calls: Call[]
}

export const simulatedEngine = (input: SimulatedInput): SimulatedEngine => {
  const broadcast = createBroadcast()
  const world = newWorld(input.now, broadcast.emit)
  const registry = new Map<string, ReturnType<typeof newImage>>()
  const reach: Reach = { isAway: false, isHolding: false, held: new Set(), faults: [], calls: [] }

  /** Every call goes through here: reachable, a fault point, the planned failure, the effect, a fault point. */
  const call = async <T>(kind: CallKind, target: string, effect: () => T | Promise<T>): Promise<T> => {
    await Promise.resolve()
    const doing = `${kind} ${target}`
    if (reach.isAway) fail(doing, 'the engine does not answer', 'engine-unreachable')
    reach.calls.push({ kind, target })
    input.beforeCall?.({ kind, target })
    const fault = reach.faults.find((other) => other.kind === kind && other.times > 0)
    if (fault !== undefined) {
      fault.times -= 1
      fail(doing, 'it was to fail', fault.code)
    }
    const result = await effect()
    input.afterCall?.({ kind, target })
    return result
  }

  /** One that loses its name to another stays, without one. */
  const nameImage = (reference: string, image: SimulatedImage): void => {
    const before = world.images.get(reference)
    if (before !== undefined && before.id !== image.id) world.images.set(before.id, before)
    world.images.set(reference, image)
  }

  const pull = async (reference: string, signal: AbortSignal): Promise<EngineImage> => {
    if (reach.isHolding && !signal.aborted)
      await new Promise<void>((resolve) => {
        const go = (): void => {
          reach.held.delete(go)
          resolve()
        }
        reach.held.add(go)
        signal.addEventListener('abort', go, { once: true })
      })
    if (signal.aborted) fail(`pull of ${reference}`, 'it was given up', 'superseded')
    const image = registry.get(reference) ?? fail(`pull of ${reference}`, 'manifest unknown', 'image-not-found')
    nameImage(reference, image)
    broadcast.emit({ subject: 'image', action: 'pull', id: reference, labels: {} })
    return toEngineImage(image, world)
  }

  return {
    controls: createControls(world, registry, reach, broadcast),
    facts: () =>
      call('facts', 'engine', () => ({
        name: 'simulated',
        version: '1',
        apiVersion,
        os: 'linux',
        arch: 'amd64',
        platform,
        storageDriver: 'memory',
        dataRoot: '/',
        cgroupVersion: '2',
        loggingDriver: 'json-file',
        runtimes: ['runc'],
        hasCdi: false,
      })),
    list: ({ agent, app }) =>
      call('list', app ?? '', () => ({
        containers: [...world.containers.values()]
          .filter(({ spec }) => isOf(agent, app)(spec))
          .map((container) => toEngineContainer(container, world.networks)),
        networks: [...world.networks.values()].map(toNamedObject),
        volumes: [...world.volumes.values()].map(toNamedObject),
      })),
    details: (id) => call('details', id, () => detailsOf(world.find(id))),
    image: (reference) =>
      call('image', reference, () => {
        const image = world.image(reference)
        return image && toEngineImage(image, world)
      }),
    imageIds: () => call('imageIds', '', () => [...new Set([...world.images.values()].map(({ id }) => id))]),
    imagesInUse: () =>
      call('imagesInUse', '', () => [...new Set([...world.containers.values()].map(({ spec }) => spec.imageId))]),
    pull: (reference, onProgress, signal) =>
      call('pull', reference, () => {
        onProgress({ currentBytes: 0, totalBytes: 1 })
        return pull(reference, signal)
      }),
    tagImage: (id, reference) =>
      call('tagImage', reference, () => {
        nameImage(reference, world.image(id) ?? fail('tagImage', `no such image: ${id}`))
      }),
    untagImage: (reference) => call('untagImage', reference, () => world.untag(reference)),
    saveImages: (references) =>
      call('saveImages', references.join(' '), () => {
        const images = references.map((reference) => {
          const image = world.image(reference) ?? fail('saving', `no such image: ${reference}`, 'image-not-found')
          return { reference, id: image.id, volumes: image.volumes, platform: image.platform }
        })
        return Readable.from([Buffer.from(JSON.stringify(images))])
      }),
    loadImages: (archive, signal) =>
      call('loadImages', 'archive', async () => {
        for (const { reference, id, volumes, platform } of await readArchive(archive, signal))
          world.images.set(reference, newImage(id, volumes, platform))
        broadcast.emit({ subject: 'image', action: 'load', id: 'archive', labels: {} })
      }),
    createNetwork: (name, spec) =>
      call('createNetwork', name, () => {
        requireAbleToCreateNetwork(apiVersion, spec, `creating network ${name}`)
        world.createNetwork(name, spec)
      }),
    removeNetwork: (id) => call('removeNetwork', id, () => world.removeNetwork(id)),
    connectNetwork: (id, attachment) => call('connectNetwork', id, () => world.connect(id, attachment)),
    createVolume: (name, spec) => call('createVolume', name, () => world.createVolume(name, spec)),
    removeVolume: (name) => call('removeVolume', name, () => world.removeVolume(name)),
    createContainer: (name, spec) =>
      call('createContainer', name, () => {
        requireAbleToCreate(apiVersion, spec, `creating container ${name}`)
        world.create(name, spec)
      }),
    startContainer: (id) => call('startContainer', id, () => world.start(id)),
    stopContainer: (id) => call('stopContainer', id, () => world.stop(id, 0)),
    removeContainer: (id, { volumes }) => call('removeContainer', id, () => world.remove(id, volumes)),
    renameContainer: (id, name) => call('renameContainer', id, () => world.rename(id, name)),
    setRestart: (id, { name }) =>
      call('setRestart', id, () => {
        const container = world.find(id)
        if (container !== undefined) container.restartPolicy = name
      }),
    signalContainer: (id) => call('signalContainer', id, () => undefined),
    withdrawAliases: (id, network) => call('withdrawAliases', id, () => world.withdrawAliases(id, network)),
    runToEnd: (id, onOutput, signal) =>
      call('runToEnd', id, async () => {
        world.start(id)
        const container = world.find(id) ?? fail('runToEnd', `no container ${id}`)
        for (const line of container.lines) await onOutput('stdout', Buffer.from(`${line}\n`))
        while (container.state === 'running' && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1))
        if (container.state === 'running') world.stop(id, 137)
        return container.exitCode
      }),
    lastLines: (id, count) => call('lastLines', id, () => world.find(id)?.lines.slice(-count) ?? []),
    async *logs(id, { tail }) {
      const lines = await call('logs', id, () => world.find(id)?.lines ?? [])
      const time = logTime(input.now())
      yield lines.slice(tail === undefined ? 0 : Math.max(0, lines.length - tail)).map((line) => ({
        stream: 'stdout' as const,
        time,
        bytes: Buffer.from(`${line}\n`),
      }))
    },
    events: (signal): AsyncIterable<EngineEvent> => broadcast.listen(signal, () => reach.isAway),
  }
}

/** As old as the oldest engine that is supported. */
const apiVersion = '1.41'

const platform = 'linux/amd64'

const toNamedObject = ({ id, name, labels }: NamedObject): NamedObject => ({ id, name, labels })

const isOf =
  (agent: string, app: string | undefined) =>
  ({ labels }: Pick<NamedObject, 'labels'>): boolean =>
    labels['io.longshore.agent'] === agent && (app === undefined || labels['io.longshore.app'] === app)

const detailsOf = (container: SimulatedContainer | undefined) => {
  if (container === undefined) return undefined
  const { state, health, exitCode, restarts, restartPolicy, isOutOfMemory, networks, startedAt, finishedAt } = container
  return {
    state,
    health: state === 'running' ? health : ('none' as const),
    exitCode,
    restarts,
    restartPolicy,
    isOutOfMemory,
    aliases: Object.fromEntries([...networks].map(([name, { attachment }]) => [name, attachment.aliases])),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  }
}

const newImage = (
  id: string,
  volumes: readonly string[],
  imagePlatform = platform,
  digests: readonly string[] = [],
) => ({
  id,
  volumes,
  platform: imagePlatform,
  digests,
})

const toEngineImage = ({ id, platform, digests }: SimulatedImage, { namesOf }: World): EngineImage => ({
  id,
  platform,
  digests,
  sizeBytes: 1_000_000,
  names: namesOf(id).sort(),
})

type SavedImage = Omit<SimulatedImage, 'digests'> & { readonly reference: string }

const readArchive = async (archive: Readable, signal: AbortSignal): Promise<SavedImage[]> => {
  // The archive is not destroyed, as the engine's client does not: it may be a request that is yet to be answered.
  const givenUp = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    signal.throwIfAborted()
    return JSON.parse(await Promise.race([text(archive), givenUp]))
  } catch (error) {
    return fail('loading images', signal.aborted ? 'it was given up' : (error as Error).message, 'image-load-failed')
  }
}

/** What happens to an engine from outside. Containers are named by name or id. */
const createControls = (
  world: World,
  registry: Map<string, ReturnType<typeof newImage>>,
  reach: Reach,
  broadcast: ReturnType<typeof createBroadcast>,
) => {
  const get = (name: string): SimulatedContainer => world.find(name) ?? fail('control', `no container ${name}`)
  return {
    /** every call that arrived, oldest first */
    calls: reach.calls as readonly Call[],
    containers: (): readonly SimulatedContainer[] => [...world.containers.values()],
    container: get,
    /** The main process ends; a restart policy may start it again at once. */
    exitContainer: (name: string, exitCode: number): void => world.exit(get(name), exitCode),
    /** As `docker kill`: no restart policy applies. */
    killContainer: (name: string): void => world.stop(name, 137),
    /** Removed by hand, whatever its state. */
    removeContainer: (name: string): void => {
      const { id } = get(name)
      world.stop(id, 137)
      world.remove(id, false)
    },
    setState: (name: string, state: EngineState): void => {
      get(name).state = state
    },
    setHealth: (name: string, health: HealthState): void => {
      const container = get(name)
      container.health = health
      world.tell(container, `health_status: ${health}`)
    },
    /** A container that is not ours, or another agent's by its labels. */
    addForeignContainer: (
      name: string,
      changes: Partial<ContainerSpec> & { readonly isRunning?: boolean } = {},
    ): string => {
      const { isRunning, ...spec } = changes
      if (!world.images.has('foreign')) world.images.set('foreign', newImage('sha256:foreign', []))
      const { id } = world.create(name, { ...plainSpec('sha256:foreign'), ...spec })
      if (isRunning === true) world.start(id)
      return id
    },
    addForeignNetwork: (name: string, labels: Record<string, string> = {}): void =>
      void world.networks.set(name, { id: world.newId(), name, labels, spec: plainNetwork }),
    removeForeignNetworks: (): void => {
      for (const [name, { labels }] of world.networks)
        if (labels['io.longshore.agent'] === undefined) world.networks.delete(name)
    },
    addForeignVolume: (name: string, labels: Record<string, string> = {}): void =>
      void world.volumes.set(name, { id: name, name, labels, spec: plainVolume }),
    takePort: (port: string): void => void world.foreignPorts.add(port),
    freePort: (port: string): void => void world.foreignPorts.delete(port),
    addImage: (reference: string, id: string, volumes: readonly string[] = [], imagePlatform?: string): void =>
      void world.images.set(reference, newImage(id, volumes, imagePlatform)),
    imageNames: (): string[] => [...world.images.keys()].sort(),
    removeImage: (reference: string): void => void world.images.delete(reference),
    addToRegistry: (reference: string, id: string, volumes: readonly string[] = [], imagePlatform?: string): void =>
      void registry.set(reference, newImage(id, volumes, imagePlatform, [`${reference}@${id}`])),
    /** Pulls neither end nor fail until they are let go or given up. */
    holdPulls: (): void => {
      reach.isHolding = true
    },
    letPullsGo: (): void => {
      reach.isHolding = false
      for (const go of [...reach.held]) go()
    },
    failNext: (kind: CallKind, code: Code = 'engine-error', times = 1): void =>
      void reach.faults.push({ kind, code, times }),
    /** No failure is planned any more. */
    forgetFaults: (): void => void reach.faults.splice(0),
    goAway: (): void => {
      reach.isAway = true
      broadcast.end()
    },
    comeBack: (): void => {
      reach.isAway = false
    },
    network: (name: string) => world.networks.get(name) ?? fail('control', `no network ${name}`),
    volume: (name: string) => world.volumes.get(name) ?? fail('control', `no volume ${name}`),
    networkNames: (): string[] => [...world.networks.keys()].sort(),
    volumeNames: (): string[] => [...world.volumes.keys()].sort(),
  }
}

export const plainNetwork: NetworkSpec = {
  labels: {},
  driverOptions: {},
  isInternal: false,
  hasIpv4: true,
  hasIpv6: false,
}

export const plainVolume: VolumeSpec = { labels: {}, driverOptions: {} }

/** A container with nothing but an image. */
export const plainSpec = (imageId: string): ContainerSpec => ({
  imageId,
  labels: {},
  environment: {},
  secretEnvironment: {},
  tty: false,
  stdinOpen: false,
  readOnly: false,
  tmpfs: {},
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  ports: [],
  expose: [],
  mounts: [],
  networking: { kind: 'mode', mode: 'none' },
  restart: { name: 'no' },
})
