/**
 * What the agent asks of a container engine, in our own words. `docker.ts` implements it over the Docker Engine API,
 * `simulated.ts` in memory; one contract suite runs on both. Failures are LongshoreErrors with a code of the table:
 * engine-unreachable, name-taken, name-in-use, port-in-use, image-not-found, image-pull-failed, image-load-failed,
 * engine-error; those of a pull: registry-unauthorized, registry-busy, disk-full, wrong-platform.
 * Whatever is already so counts as success: stopping what is stopped, removing what is gone, starting what runs.
 */
import type { Readable } from 'node:stream'
import type { HealthState } from '../../src/protocol/reported.ts'
import type { ContainerSpec, RestartSpec } from '../translate/container-spec.ts'
import type { AttachmentSpec, NetworkSpec, VolumeSpec } from '../translate/network-spec.ts'

export type EngineState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

export type EngineContainer = {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly state: EngineState
  readonly health: HealthState
  readonly imageId: string
  /** by name; none that was removed under it, though one of that name may be there again */
  readonly networks: readonly string[]
  /** volumes that the engine named itself, by where they are mounted */
  readonly anonymousVolumes: Readonly<Record<string, string>>
}

/**
 * What a list does not tell, and, because a list may lag behind an event, state and health once more: these are true
 * at the time of the read. Times in epoch ms of the engine's clock.
 */
export type ContainerDetails = {
  readonly state: EngineState
  readonly health: HealthState
  readonly exitCode: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly restarts: number
  readonly restartPolicy: string
  readonly isOutOfMemory: boolean
  /** of its first process, as the machine of the engine counts; absent while it does not run */
  readonly pid?: number
  /** what it answers to on its networks, by their name */
  readonly aliases: Readonly<Record<string, readonly string[]>>
}

export type NamedObject = {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Containers are those of the agent (and app) asked for; networks and volumes are all there are, to see whose a name is. */
export type EngineObjects = {
  readonly containers: readonly EngineContainer[]
  readonly networks: readonly NamedObject[]
  readonly volumes: readonly NamedObject[]
  /** containers of the Compose project that was asked for; of no agent */
  readonly project?: readonly EngineContainer[]
}

export type EngineFacts = {
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  readonly os: string
  readonly arch: string
  /** as `linux/arm/v7`: of the images that it runs */
  readonly platform: string
  readonly storageDriver: string
  /** the folder, on the engine's machine, where it keeps images and containers */
  readonly dataRoot: string
  readonly cgroupVersion: string
  /** of containers for which nobody says another; absent: the engine does not say */
  readonly loggingDriver?: string
  /** by their names, sorted */
  readonly runtimes: readonly string[]
  /** whether it hands over devices of the Container Device Interface */
  readonly hasCdi: boolean
  /** absent: the users of containers are those of the machine */
  readonly userNamespaces?: 'remapped' | 'rootless'
}

/** Something happened to a container, an image, a network or a volume. It only says "look": it may be doubled, late or missing. */
export type EngineEvent = {
  readonly subject: 'container' | 'image' | 'network' | 'volume'
  readonly action: string
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
}

export type PullProgress = { readonly currentBytes: number; readonly totalBytes: number }

export type PullOptions = {
  readonly platform?: string | undefined
  /** for the registry of the image, where it asks for them */
  readonly credentials?: RegistryCredentials | undefined
}

export type RegistryCredentials =
  | { readonly username: string; readonly password: string }
  /** what some registries give instead of a password */
  | { readonly identityToken: string }

/** An image that is on the engine. */
export type EngineImage = {
  readonly id: string
  /** as `linux/arm/v7`; empty where the image does not say */
  readonly platform: string
  /** as `name@sha256:…`, sorted: what registries call it; none of one that was never pulled */
  readonly digests: readonly string[]
  /** with layers that other images share */
  readonly sizeBytes: number
  /** with a tag, sorted; none of one that lost its last to another image, or was pulled by digest */
  readonly names: readonly string[]
}

/** A line that a container said, with its end, or a piece of one that is too long for the engine. */
export type LogFrame = {
  readonly stream: 'stdout' | 'stderr'
  /** as `logTime` writes it */
  readonly time: string
  readonly bytes: Buffer
}

/** Moments are as `logTime` writes them, both within. */
export type LogQuery = {
  /** goes on until the container ends */
  readonly follow: boolean
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** so many lines at most from the end of what is there */
  readonly tail?: number | undefined
  /** Neighbouring lines may come as one frame, with the time of the last of them: that costs a fraction. */
  readonly joins?: boolean | undefined
}

export type OutputListener = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => Promise<void>

export type Engine = {
  readonly facts: () => Promise<EngineFacts>
  readonly list: (scope: {
    readonly agent: string
    readonly app?: string
    /** also the containers that Compose made for a project of this name */
    readonly project?: string
  }) => Promise<EngineObjects>
  /** undefined: there is no such container any more. */
  readonly details: (id: string) => Promise<ContainerDetails | undefined>
  /** A local image by reference or id; undefined: it is not here. */
  readonly image: (reference: string) => Promise<EngineImage | undefined>
  /** Of all local images that are more than a step in a build. */
  readonly imageIds: () => Promise<readonly string[]>
  /** Ids of the images of all containers, whoever made them and whatever their state. */
  readonly imagesInUse: () => Promise<readonly string[]>
  /** Gets an image and tells what came. Layers that are here already are not fetched again. */
  readonly pull: (
    reference: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
    options?: PullOptions,
  ) => Promise<EngineImage>
  /** Gives an image another name, which moves when another image had it. */
  readonly tagImage: (id: string, reference: string) => Promise<void>
  /**
   * Takes a name away, with a tag or a digest. The image goes with its last one; that of a container is refused
   * (engine-error). One that has none is removed by its id.
   */
  readonly untagImage: (reference: string) => Promise<void>
  /** Local images with their names, as an archive that `loadImages` takes. By digest an image loses its name, and keeps its id. */
  readonly saveImages: (references: readonly string[], signal: AbortSignal) => Promise<Readable>
  /** Resolves when the engine has them all; a failure may leave some. Reads no faster than the engine does. */
  readonly loadImages: (archive: Readable, signal: AbortSignal) => Promise<void>
  readonly createNetwork: (name: string, spec: NetworkSpec) => Promise<void>
  readonly removeNetwork: (id: string) => Promise<void>
  readonly connectNetwork: (id: string, attachment: AttachmentSpec) => Promise<void>
  readonly createVolume: (name: string, spec: VolumeSpec) => Promise<void>
  readonly removeVolume: (name: string) => Promise<void>
  readonly createContainer: (name: string, spec: ContainerSpec) => Promise<void>
  readonly startContainer: (id: string) => Promise<void>
  readonly stopContainer: (id: string, timeoutS: number) => Promise<void>
  readonly removeContainer: (id: string, options: { readonly volumes: boolean }) => Promise<void>
  readonly renameContainer: (id: string, name: string) => Promise<void>
  /** With the policy `no` nothing brings back what is about to be replaced. One that is gone has none: that is success. */
  readonly setRestart: (id: string, restart: RestartSpec) => Promise<void>
  /** A container answers to no name of a service on a network any more, and stays on it. */
  readonly withdrawAliases: (id: string, network: string) => Promise<void>
  /** The last lines of what a container said, oldest first; none of one that is gone. */
  readonly lastLines: (id: string, count: number) => Promise<readonly string[]>
  /**
   * What a container said, oldest first, in the portions in which it comes; nothing of one that is gone. No more is read
   * than is taken. Throws log-unreadable where its log driver keeps nothing that could be read.
   */
  readonly logs: (id: string, query: LogQuery, signal: AbortSignal) => AsyncIterable<readonly LogFrame[]>
  /**
   * Starts a container that was never started and follows it to its end. What it says is read no faster than the listener
   * takes it.
   * @param signal kills it
   * @returns its exit code
   */
  readonly runToEnd: (id: string, onOutput: OutputListener, signal: AbortSignal) => Promise<number>
  /** To the first process of a container that runs; one that does not gets none. @param signal as `HUP` */
  readonly signalContainer: (id: string, signal: string) => Promise<void>
  /** Ends when the engine goes away or the signal fires; the caller opens it again and looks at everything. */
  readonly events: (signal: AbortSignal) => AsyncIterable<EngineEvent>
}
