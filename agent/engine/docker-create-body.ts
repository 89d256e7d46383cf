/** A container spec to the body of `POST /containers/create`. Healthcheck times are nanoseconds there, stop times seconds. */
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode'
import { defined } from '../../src/defined.ts'
import type { ContainerSpec, HealthcheckSpec, MountSpec, PortSpec } from '../translate/container-spec.ts'
import { isAble } from './abilities.ts'
import { machineConfig } from './docker-host-config.ts'
import { endpointBody } from './docker-network-body.ts'

export const createBody = (name: string, spec: ContainerSpec, apiVersion: string): ContainerCreateOptions => {
  const { networking } = spec
  const first = networking.kind === 'attached' ? networking.attachments[0] : undefined
  const macAddress = first?.macAddress ?? spec.macAddress
  return {
    name,
    Image: spec.imageId,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`),
    ...(spec.command === undefined ? {} : { Cmd: [...spec.command] }),
    // Only a list with one empty string clears the entrypoint of the image (moby: an empty list means "not given").
    ...(spec.entrypoint === undefined
      ? {}
      : { Entrypoint: spec.entrypoint.length === 0 ? [''] : [...spec.entrypoint] }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
    ...(spec.hostname === undefined ? {} : { Hostname: spec.hostname }),
    ...(spec.domainName === undefined ? {} : { Domainname: spec.domainName }),
    ...(spec.platform === undefined ? {} : { platform: spec.platform }),
    ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.stopTimeoutS === undefined ? {} : { StopTimeout: spec.stopTimeoutS }),
    ...(spec.healthcheck === undefined ? {} : { Healthcheck: healthcheckBody(spec.healthcheck, apiVersion) }),
    Tty: spec.tty,
    OpenStdin: spec.stdinOpen,
    ExposedPorts: Object.fromEntries(
      [...spec.ports.map(portKey), ...spec.expose.flatMap(exposedKeys)].map((key) => [key, {}]),
    ),
    HostConfig: hostConfig(spec),
    // API 1.41 takes one network at create; the others are connected before the start.
    ...(first === undefined
      ? {}
      : {
          NetworkingConfig: { EndpointsConfig: { [first.network]: endpointBody(defined({ ...first, macAddress })) } },
        }),
    // Older engines take the hardware address of the first network here, and nowhere else.
    ...(macAddress === undefined || (first !== undefined && isAble(apiVersion, 'macAddressOfAttachment'))
      ? {}
      : { MacAddress: macAddress }),
  }
}

const hostConfig = (spec: ContainerSpec): HostConfig => ({
  ...machineConfig(spec),
  NetworkMode: networkMode(spec),
  RestartPolicy: {
    Name: spec.restart.name,
    ...(spec.restart.maximumRetryCount === undefined ? {} : { MaximumRetryCount: spec.restart.maximumRetryCount }),
  },
  PortBindings: portBindings(spec.ports),
  Binds: spec.mounts.flatMap(bindText),
  Mounts: spec.mounts.flatMap(mountBody),
  Tmpfs: { ...spec.tmpfs },
  ReadonlyRootfs: spec.readOnly,
  ...(spec.init === undefined ? {} : { Init: spec.init }),
  ...(spec.shmSizeBytes === undefined ? {} : { ShmSize: spec.shmSizeBytes }),
  CapAdd: [...spec.capAdd],
  CapDrop: [...spec.capDrop],
  SecurityOpt: [...spec.securityOpt],
  ...(spec.memoryBytes === undefined ? {} : { Memory: spec.memoryBytes }),
  ...(spec.cpus === undefined ? {} : { NanoCpus: Math.round(spec.cpus * 1e9) }),
  ...(spec.pidsLimit === undefined ? {} : { PidsLimit: spec.pidsLimit }),
  ...(spec.logging === undefined
    ? {}
    : { LogConfig: { Type: spec.logging.driver ?? '', Config: { ...spec.logging.options } } }),
})

const networkMode = ({ networking }: ContainerSpec): string => {
  switch (networking.kind) {
    case 'attached':
      return networking.attachments[0]?.network ?? 'none'
    case 'mode':
      return networking.mode
    case 'joined':
      return `container:${networking.containerId}`
  }
}

const portKey = ({ target, protocol }: PortSpec): string => `${target}/${protocol}`

const exposedKeys = (text: string): string[] => {
  const [range = '', protocol = 'tcp'] = text.split('/')
  const [from = '', to = from] = range.split('-')
  const count = Math.max(0, Number(to) - Number(from) + 1)
  return Array.from({ length: count }, (_, index) => `${Number(from) + index}/${protocol}`)
}

const portBindings = (ports: readonly PortSpec[]): Record<string, { HostIp?: string; HostPort: string }[]> => {
  const bindings: Record<string, { HostIp?: string; HostPort: string }[]> = {}
  for (const port of ports) {
    const binding = {
      ...(port.hostIp === undefined ? {} : { HostIp: port.hostIp }),
      HostPort: hostPortText(port.published),
    }
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), binding]
  }
  return bindings
}

const hostPortText = (published: PortSpec['published']): string => {
  if (published === undefined) return ''
  return typeof published === 'number' ? String(published) : `${published.from}-${published.to}`
}

/** Only `Binds` makes a missing host folder; only `Mounts` refuses a missing one. Compose has both meanings. */
const bindText = (mount: MountSpec): string[] => {
  if (mount.type !== 'bind' || !mount.createHostPath) return []
  const options = [mount.readOnly ? 'ro' : 'rw', ...(mount.propagation === undefined ? [] : [mount.propagation])]
  return [`${mount.source}:${mount.target}:${options.join(',')}`]
}

const mountBody = (mount: MountSpec): MountSettings[] => {
  switch (mount.type) {
    case 'bind':
      if (mount.createHostPath) return []
      return [
        {
          Type: 'bind',
          Source: mount.source,
          Target: mount.target,
          ReadOnly: mount.readOnly,
          ...(mount.propagation === undefined ? {} : { BindOptions: { Propagation: mount.propagation as 'rprivate' } }),
        },
      ]
    case 'volume':
      return [
        {
          Type: 'volume',
          Source: mount.source ?? '',
          Target: mount.target,
          ReadOnly: mount.readOnly,
          ...(mount.noCopy || mount.subpath !== undefined ? { VolumeOptions: volumeOptions(mount) } : {}),
        },
      ]
    case 'tmpfs':
      return [
        {
          Type: 'tmpfs',
          Source: '',
          Target: mount.target,
          ...(mount.readOnly === true ? { ReadOnly: true } : {}),
          TmpfsOptions: { SizeBytes: mount.sizeBytes ?? 0, Mode: mount.mode ?? 0o1777 },
        },
      ]
  }
}

const volumeOptions = ({ noCopy, subpath }: Extract<MountSpec, { type: 'volume' }>) => ({
  NoCopy: noCopy,
  Labels: {},
  DriverConfig: { Name: 'local', Options: {} },
  ...(subpath === undefined ? {} : { Subpath: subpath }),
})

const healthcheckBody = (healthcheck: HealthcheckSpec, apiVersion: string) => ({
  ...(healthcheck.test === undefined ? {} : { Test: [...healthcheck.test] }),
  ...(healthcheck.intervalMs === undefined ? {} : { Interval: nanoseconds(healthcheck.intervalMs) }),
  ...(healthcheck.timeoutMs === undefined ? {} : { Timeout: nanoseconds(healthcheck.timeoutMs) }),
  ...(healthcheck.startPeriodMs === undefined ? {} : { StartPeriod: nanoseconds(healthcheck.startPeriodMs) }),
  ...(healthcheck.startIntervalMs === undefined || !isAble(apiVersion, 'startInterval')
    ? {}
    : { StartInterval: nanoseconds(healthcheck.startIntervalMs) }),
  ...(healthcheck.retries === undefined ? {} : { Retries: healthcheck.retries }),
})

const nanoseconds = (ms: number): number => Math.round(ms * 1e6)
