/** A service of the model to the spec of its container. Pure: a new Compose key is a line here. */
import { hostPortOf } from '../../src/compose/host-ports.ts'
import { type Healthcheck, isJob, type Model, type Mount, type Port, type Service } from '../../src/compose/model.ts'
import { secretName } from '../../src/compose/secret-names.ts'
import { parseDurationMs } from '../../src/compose/units.ts'
import { defined } from '../../src/defined.ts'
import type { ContainerDevices } from '../allot/container-devices.ts'
import type { GpuGrant } from '../allot/grant-gpus.ts'
import type {
  ContainerSpec,
  HealthcheckSpec,
  MountSpec,
  NetworkingSpec,
  PortSpec,
  RestartSpec,
} from './container-spec.ts'
import {
  followedServices,
  joinedLabel,
  label,
  networkKeys,
  type Owner,
  ownerLabels,
  volumeName,
} from './engine-names.ts'
import { translateHost } from './host-spec.ts'
import { translateAttachment } from './network-spec.ts'
import {
  mountSource,
  type ProjectMount,
  type ProjectPaths,
  projectMounts,
  type ReleaseFiles,
} from './project-mounts.ts'

export type TranslateInput = {
  readonly owner: Owner
  readonly app: string
  readonly model: Model
  readonly name: string
  readonly service: Service
  /** which of the service's containers it is, from 1 */
  readonly number: number
  readonly imageId: string
  readonly digest: string
  readonly generation: number
  readonly release: string
  /** why it is made, for people */
  readonly cause: string
  readonly files: ReleaseFiles
  readonly secretVersions: Readonly<Record<string, string>>
  readonly paths: ProjectPaths
  /** the containers that it joins, by their service; absent: none */
  readonly joined?: Readonly<Record<string, string>>
  /** anonymous volumes of the container that it replaces, by where they are mounted: data outlives an update */
  readonly carriedVolumes?: Readonly<Record<string, string>>
  /** of the hardware that it asks for by what it is; absent: none */
  readonly devices?: ContainerDevices | undefined
  /** what was decided of its GPUs; absent: the engine chooses */
  readonly gpus?: GpuGrant | undefined
}

export const translateService = (input: TranslateInput): ContainerSpec => {
  const { owner, app, model, name, service, devices } = input
  const limits = service.deploy?.resources?.limits
  const project = projectMounts({ compose: model, files: input.files, secretVersions: input.secretVersions }, service)
  const host = translateHost(service, input.joined, input.gpus)
  const mounts = [
    ...(service.volumes ?? []).flatMap((mount) => translateMount(input, mount)),
    ...project.map((mount) => translateProjectMount(input.paths, mount)),
    ...(devices?.mounts ?? []),
  ]
  const taken = new Set(mounts.map(({ target }) => target))
  const carried = Object.entries(input.carriedVolumes ?? {})
    .filter(([target]) => !taken.has(target))
    .map(([target, source]): MountSpec => ({ type: 'volume', source, target, readOnly: false, noCopy: false }))
  const joined = joinedLabel(followedServices(model, service), input.joined ?? {})
  return defined({
    ...host,
    devices: joinLists(host.devices, devices?.devices),
    deviceCgroupRules: joinLists(host.deviceCgroupRules, devices?.rules),
    groups: joinLists(host.groups, devices?.groups),
    imageId: input.imageId,
    labels: {
      // An engine before API 1.43 takes no annotations, and says nothing of it.
      ...service.annotations,
      ...service.labels,
      ...ownerLabels(owner, app),
      [label.service]: name,
      [label.number]: String(input.number),
      [label.generation]: String(input.generation),
      [label.release]: input.release,
      [label.digest]: input.digest,
      [label.cause]: input.cause,
      ...(joined === undefined ? {} : { [label.joined]: joined }),
      ...(devices === undefined ? {} : { [label.devices]: devices.label }),
    },
    command: service.command,
    entrypoint: service.entrypoint,
    environment: { ...input.gpus?.environment, ...service.environment },
    secretEnvironment: Object.fromEntries(
      Object.entries(service['x-longshore']?.secretEnv ?? {}).map(([variable, key]) => {
        const name = secretName(model, key)
        return [variable, { name, version: input.secretVersions[name] ?? '' }]
      }),
    ),
    user: service.user,
    workingDir: service.working_dir,
    hostname: service.hostname,
    stopSignal: service.stop_signal,
    stopTimeoutS: service.stop_grace_period === undefined ? undefined : stopTimeoutS(service),
    init: service.init,
    tty: service.tty ?? false,
    stdinOpen: service.stdin_open ?? false,
    readOnly: service.read_only ?? false,
    tmpfs: Object.fromEntries((service.tmpfs ?? []).map(splitTmpfs)),
    shmSizeBytes: service.shm_size,
    capAdd: service.cap_add ?? [],
    capDrop: [...new Set([...(service.cap_drop ?? []), ...(devices?.capDrop ?? [])])],
    securityOpt: service.security_opt ?? [],
    memoryBytes: service.mem_limit ?? limits?.memory,
    cpus: service.cpus ?? limits?.cpus,
    pidsLimit: service.pids_limit ?? limits?.pids,
    logging: service.logging && defined({ driver: service.logging.driver, options: service.logging.options ?? {} }),
    ports: (service.ports ?? []).map(translatePort),
    expose: service.expose ?? [],
    mounts: [...mounts, ...carried],
    networking: translateNetworking(input),
    restart: translateRestart(service, isAwaited(model, name)),
    healthcheck: service.healthcheck && translateHealthcheck(service.healthcheck),
  })
}

const joinLists = <T>(one: readonly T[] | undefined, other: readonly T[] | undefined): readonly T[] | undefined =>
  one === undefined && other === undefined ? undefined : [...(one ?? []), ...(other ?? [])]

/** Whether another service waits for this one to end with success, which makes it a job. */
export const isAwaited = (model: Model, name: string): boolean =>
  Object.values(model.services).some(
    (service) => service.depends_on?.[name]?.condition === 'service_completed_successfully',
  )

/** How long a stop may take, in whole seconds: engines count no finer. Compose's default is 10 s. */
export const stopTimeoutS = (service: Pick<Service, 'stop_grace_period'>): number =>
  Math.ceil((parseDurationMs(service.stop_grace_period ?? '10s') ?? 10_000) / 1000)

/**
 * `always` becomes `unless-stopped`: an engine that restarts after a power cut would bring back an `always` container
 * that was stopped in mid-update, and old and new would both run. Absent means `unless-stopped`; a job is not restarted.
 */
export const translateRestart = (service: Service, awaited: boolean): RestartSpec => {
  const policy = service.restart
  if (policy?.startsWith('on-failure')) {
    const retries = policy.split(':')[1]
    return { name: 'on-failure', ...(retries === undefined ? {} : { maximumRetryCount: Number(retries) }) }
  }
  if (isJob(service, awaited)) return { name: 'no' }
  // What lies in memory is gone after a reboot: the agent puts it back and then starts the container.
  return { name: (service.secrets ?? []).length > 0 ? 'on-failure' : 'unless-stopped' }
}

const translateNetworking = (input: TranslateInput): NetworkingSpec => {
  const mode = input.service.network_mode
  if (mode?.startsWith('service:'))
    return { kind: 'joined', containerId: input.joined?.[mode.slice('service:'.length)] ?? '' }
  if (mode !== undefined) return { kind: 'mode', mode: mode as 'bridge' | 'host' | 'none' }
  return { kind: 'attached', attachments: networkKeys(input.service).map((key) => translateAttachment(input, key)) }
}

/** Made before the container is: an engine that finds it missing must fail, and not make a folder of its own there. */
const translateProjectMount = (paths: ProjectPaths, mount: ProjectMount): MountSpec =>
  defined({
    type: 'bind' as const,
    source: mountSource(paths, mount),
    target: mount.target,
    readOnly: mount.readOnly,
    createHostPath: false,
    propagation: mount.kind === 'data' ? mount.propagation : undefined,
  })

const translateMount = ({ owner, app, model, carriedVolumes }: TranslateInput, mount: Mount): MountSpec[] => {
  const { target } = mount
  const readOnly = mount.read_only ?? false
  switch (mount.type) {
    case 'volume':
      return [
        defined({
          type: 'volume' as const,
          source: mount.source === undefined ? carriedVolumes?.[target] : volumeName(owner, app, model, mount.source),
          target,
          readOnly,
          noCopy: mount.volume?.nocopy ?? false,
          subpath: mount.volume?.subpath,
        }),
      ]
    case 'bind':
      if (!mount.source.startsWith('/')) return [] // of the project folder, see above
      return [
        defined({
          type: 'bind' as const,
          source: mount.source,
          target,
          readOnly,
          createHostPath: mount.bind?.create_host_path ?? true,
          propagation: mount.bind?.propagation,
        }),
      ]
    case 'tmpfs':
      return [
        defined({
          type: 'tmpfs' as const,
          target,
          readOnly: readOnly || undefined,
          sizeBytes: mount.tmpfs?.size,
          mode: mount.tmpfs?.mode,
        }),
      ]
  }
}

const translatePort = (port: Port): PortSpec => {
  const { from, to } = hostPortOf(port) ?? {}
  return defined({
    target: port.target,
    protocol: port.protocol,
    published: from === undefined || to === undefined || from === to ? from : { from, to },
    hostIp: port.host_ip,
  })
}

const translateHealthcheck = (healthcheck: Healthcheck): HealthcheckSpec =>
  defined({
    test: healthcheck.test,
    intervalMs: durationMs(healthcheck.interval),
    timeoutMs: durationMs(healthcheck.timeout),
    startPeriodMs: durationMs(healthcheck.start_period),
    startIntervalMs: durationMs(healthcheck.start_interval),
    retries: healthcheck.retries,
  })

const durationMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDurationMs(text)

const splitTmpfs = (entry: string): [string, string] => {
  const colon = entry.indexOf(':')
  return colon < 0 ? [entry, ''] : [entry.slice(0, colon), entry.slice(colon + 1)]
}
