import { describe, expect, test } from 'vitest'
import { createBody } from '../../agent/engine/docker-create-body.ts'
import { plainSpec } from '../../agent/engine/simulated.ts'
import type { ContainerSpec } from '../../agent/translate/container-spec.ts'

const body = (changes: Partial<ContainerSpec> = {}, apiVersion = '1.41') =>
  createBody('web', { ...plainSpec('sha256:web'), ...changes }, apiVersion)

test('what is not said is left to the image and the engine', () => {
  const { HostConfig, ...rest } = body()
  expect(rest).toEqual({
    name: 'web',
    Image: 'sha256:web',
    Labels: {},
    Env: [],
    Tty: false,
    OpenStdin: false,
    ExposedPorts: {},
  })
  expect(HostConfig).toMatchObject({ NetworkMode: 'none', RestartPolicy: { Name: 'no' }, PortBindings: {} })
  for (const key of ['Memory', 'NanoCpus', 'PidsLimit', 'Init', 'ShmSize', 'LogConfig'])
    expect(HostConfig).not.toHaveProperty(key)
})

test('an empty entrypoint clears the one of the image', () => {
  expect(body({ entrypoint: [] }).Entrypoint).toEqual([''])
  expect(body({ entrypoint: ['/run'] }).Entrypoint).toEqual(['/run'])
})

test('times are nanoseconds in a healthcheck, seconds in a stop', () => {
  const result = body({ stopTimeoutS: 3, healthcheck: { test: ['CMD', 'x'], intervalMs: 1_500, retries: 2 } })
  expect(result).toMatchObject({
    StopTimeout: 3,
    Healthcheck: { Test: ['CMD', 'x'], Interval: 1_500_000_000, Retries: 2 },
  })
})

test('ports are exposed and bound, to several host ports too', () => {
  const result = body({
    ports: [
      { target: 80, protocol: 'tcp', published: 8080, hostIp: '127.0.0.1' },
      { target: 80, protocol: 'tcp', published: 8081 },
      { target: 53, protocol: 'udp' },
    ],
    expose: ['9000-9001', '7/udp'],
  })
  expect(Object.keys(result.ExposedPorts ?? {})).toEqual(['80/tcp', '53/udp', '9000/tcp', '9001/tcp', '7/udp'])
  expect(result.HostConfig?.PortBindings).toEqual({
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }, { HostPort: '8081' }],
    '53/udp': [{ HostPort: '' }],
  })
})

describe('networking', () => {
  test('only the first network is given, with its aliases', () => {
    const attachments = [
      { network: 'a', aliases: ['web'] },
      { network: 'b', aliases: ['web'] },
    ]
    const result = body({ networking: { kind: 'attached', attachments } })
    expect(result.HostConfig?.NetworkMode).toBe('a')
    expect(result.NetworkingConfig).toEqual({ EndpointsConfig: { a: { Aliases: ['web'] } } })
  })

  test('a joined container and a mode have no endpoints', () => {
    const joined = body({ networking: { kind: 'joined', containerId: 'v' } })
    expect(joined.HostConfig?.NetworkMode).toBe('container:v')
    expect(joined).not.toHaveProperty('NetworkingConfig')
    expect(body({ networking: { kind: 'mode', mode: 'host' } }).HostConfig?.NetworkMode).toBe('host')
  })
})

test('a bind that may make its folder is a bind, one that must not is a mount', () => {
  const bind = { type: 'bind', source: '/a', target: '/b', readOnly: true } as const
  const result = body({
    mounts: [
      { ...bind, createHostPath: true, propagation: 'rshared' },
      { ...bind, createHostPath: false },
      { type: 'volume', source: 'v', target: '/v', readOnly: false, noCopy: false },
      { type: 'tmpfs', target: '/t' },
    ],
  })
  expect(result.HostConfig?.Binds).toEqual(['/a:/b:ro,rshared'])
  expect(result.HostConfig?.Mounts).toEqual([
    { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true },
    { Type: 'volume', Source: 'v', Target: '/v', ReadOnly: false },
    { Type: 'tmpfs', Source: '', Target: '/t', TmpfsOptions: { SizeBytes: 0, Mode: 0o1777 } },
  ])
})

test('a volume without a name is one that the engine names; a subpath is told', () => {
  const mount = { type: 'volume', target: '/a', readOnly: false, noCopy: false } as const
  expect(body({ mounts: [mount, { ...mount, source: 'v', subpath: 'b/c' }] }).HostConfig?.Mounts).toEqual([
    { Type: 'volume', Source: '', Target: '/a', ReadOnly: false },
    {
      Type: 'volume',
      Source: 'v',
      Target: '/a',
      ReadOnly: false,
      VolumeOptions: { NoCopy: false, Labels: {}, DriverConfig: { Name: 'local', Options: {} }, Subpath: 'b/c' },
    },
  ])
})

describe('what engines learned late is told only to those that know it', () => {
  const healthcheck = { test: ['CMD', 'x'], startIntervalMs: 500 }
  const attachment = { network: 'a', aliases: [], ipv4Address: '10.9.0.5', macAddress: '02:42:ac:11:00:02' }
  const changes = { healthcheck, networking: { kind: 'attached', attachments: [attachment] } } as const

  test('before API 1.44', () => {
    const old = body(changes, '1.43')
    expect(old.Healthcheck).not.toHaveProperty('StartInterval')
    expect(old).toHaveProperty('MacAddress', '02:42:ac:11:00:02')
  })

  test.each(['1.44', '1.100', '2.0'])('with API %s', (apiVersion) => {
    const young = body(changes, apiVersion)
    expect(young.Healthcheck).toHaveProperty('StartInterval', 500_000_000)
    expect(young).not.toHaveProperty('MacAddress')
    expect(young.NetworkingConfig?.EndpointsConfig?.a).toEqual({
      Aliases: [],
      IPAMConfig: { IPv4Address: '10.9.0.5' },
      MacAddress: '02:42:ac:11:00:02',
    })
  })
})

test('limits and restarts', () => {
  expect(
    body({ memoryBytes: 5, cpus: 0.5, pidsLimit: 9, restart: { name: 'on-failure', maximumRetryCount: 2 } }).HostConfig,
  ).toMatchObject({
    Memory: 5,
    NanoCpus: 500_000_000,
    PidsLimit: 9,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
  })
})

test('what a container has of the machine', () => {
  const result = body({
    domainName: 'plant.example',
    macAddress: '02:42:ac:11:65:43',
    networking: { kind: 'attached', attachments: [{ network: 'a', aliases: ['web'] }] },
    platform: 'linux/arm64',
    extraHosts: ['six=::1', 'device=host-gateway'],
    dns: ['9.9.9.9'],
    ipcMode: 'host',
    pidMode: 'host',
    utsMode: 'host',
    cgroupNamespace: 'private',
    groups: ['20'],
    sysctls: { 'net.core.somaxconn': '1024' },
    privileged: true,
    devices: [{ source: '/dev/a', target: '/dev/b', permissions: 'r' }],
    deviceCgroupRules: ['c 188:* rwm'],
    deviceRequests: [{ driver: 'nvidia', count: -1, ids: [], capabilities: ['gpu'], options: {} }],
    memorySwapBytes: -1,
    cpuSet: '0-1',
    cpuQuotaUs: 5_000,
    blkio: {
      weight: 300,
      weightDevices: [],
      readBytesPerS: [{ path: '/dev/sda', rate: 5 }],
      writeBytesPerS: [],
      readsPerS: [],
      writesPerS: [],
    },
    ulimits: [{ name: 'nofile', soft: 1, hard: -1 }],
  })
  expect(result).toMatchObject({
    Domainname: 'plant.example',
    MacAddress: '02:42:ac:11:65:43',
    platform: 'linux/arm64',
    NetworkingConfig: { EndpointsConfig: { a: { MacAddress: '02:42:ac:11:65:43' } } },
  })
  expect(result.HostConfig).toMatchObject({
    ExtraHosts: ['six:::1', 'device:host-gateway'],
    Dns: ['9.9.9.9'],
    IpcMode: 'host',
    PidMode: 'host',
    UTSMode: 'host',
    CgroupnsMode: 'private',
    GroupAdd: ['20'],
    Sysctls: { 'net.core.somaxconn': '1024' },
    Privileged: true,
    Devices: [{ PathOnHost: '/dev/a', PathInContainer: '/dev/b', CgroupPermissions: 'r' }],
    DeviceCgroupRules: ['c 188:* rwm'],
    DeviceRequests: [{ Driver: 'nvidia', Count: -1, DeviceIDs: [], Capabilities: [['gpu']], Options: {} }],
    MemorySwap: -1,
    CpusetCpus: '0-1',
    CpuQuota: 5_000,
    BlkioWeight: 300,
    BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 5 }],
    Ulimits: [{ Name: 'nofile', Soft: 1, Hard: -1 }],
  })
})

test('of a range of host ports, the engine takes one', () => {
  const ports = [{ target: 80, protocol: 'tcp', published: { from: 3000, to: 3005 } } as const]
  expect(body({ ports }).HostConfig?.PortBindings).toEqual({ '80/tcp': [{ HostPort: '3000-3005' }] })
})
