import type Docker from 'dockerode'
import { expect, inject, onTestFinished, test } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import { plainNetwork } from '../../agent/engine/simulated.ts'
import { networkName } from '../../agent/translate/engine-names.ts'
import { translateService } from '../../agent/translate/translate-service.ts'
import { modelOf, withKey } from '../compose/support.ts'
import { docker, newDeviceId, removeEverythingOf } from '../support/agents.ts'
import { paths } from '../support/builders.ts'

/** The container that the one service with these lines has on the engine, not yet started. */
const inspected = async (lines: string): Promise<Docker.ContainerInspectInfo> => {
  const agent = newDeviceId()
  onTestFinished(() => removeEverythingOf(agent), 60_000)
  const owner = { agent, namePrefix: `${agent}-` }
  const model = modelOf(withKey(lines).replace('image: nginx', 'image: longshore/example:1'))
  const service = model.services.web as NonNullable<(typeof model.services)[string]>
  const engine = dockerEngine(`unix://${inject('socketPath')}`)
  const labels = { 'io.longshore.agent': agent }
  if (service.network_mode === undefined)
    await engine.createNetwork(networkName(owner, 'demo', model, 'default'), { ...plainNetwork, labels })
  const spec = translateService({
    owner,
    app: 'demo',
    model,
    name: 'web',
    service,
    number: 1,
    imageId: inject('exampleImageId'),
    digest: 'd',
    cause: 'a test',
    generation: 1,
    release: 'r',
    files: {},
    secretVersions: {},
    paths,
  })
  await engine.createContainer(`${agent}-web`, spec)
  return docker().getContainer(`${agent}-web`).inspect()
}

const host = (HostConfig: object) => ({ HostConfig })
const config = (Config: object) => ({ Config })

/**
 * [lines of the service, what the engine then says of its container]. Not here: `blkio_config.weight`, which an engine
 * drops on a kernel without it, and `cpu_rt_*` and `storage_opt`, which it then refuses.
 */
const keys: [string, object][] = [
  ['mem_limit: 64m\n    memswap_limit: 128m', host({ Memory: 67_108_864, MemorySwap: 134_217_728 })],
  ['mem_reservation: 32m', host({ MemoryReservation: 33_554_432 })],
  ['mem_swappiness: 10', host({ MemorySwappiness: 10 })],
  ['cpuset: "0"', host({ CpusetCpus: '0' })],
  ['cpu_shares: 512', host({ CpuShares: 512 })],
  ['cpu_period: 100ms\n    cpu_quota: 50ms', host({ CpuPeriod: 100_000, CpuQuota: 50_000 })],
  [
    'blkio_config: {device_read_bps: [{path: /dev/null, rate: 1m}], device_write_iops: [{path: /dev/null, rate: 9}]}',
    host({
      BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1_048_576 }],
      BlkioDeviceWriteIOps: [{ Path: '/dev/null', Rate: 9 }],
    }),
  ],
  ['hostname: gate\n    domainname: plant.example', config({ Hostname: 'gate', Domainname: 'plant.example' })],
  ['extra_hosts: {device: host-gateway, six: "::1"}', host({ ExtraHosts: ['device:host-gateway', 'six:::1'] })],
  ['dns: [9.9.9.9, 8.8.8.8]', host({ Dns: ['9.9.9.9', '8.8.8.8'] })],
  ['dns_search: [b.example, a.example]', host({ DnsSearch: ['b.example', 'a.example'] })],
  ['dns_opt: [use-vc]', host({ DnsOptions: ['use-vc'] })],
  ['group_add: [20, 30]', host({ GroupAdd: ['20', '30'] })],
  ['ipc: shareable', host({ IpcMode: 'shareable' })],
  ['ipc: none', host({ IpcMode: 'none' })],
  ['ipc: host', host({ IpcMode: 'host' })],
  ['pid: host', host({ PidMode: 'host' })],
  ['uts: host', host({ UTSMode: 'host' })],
  ['userns_mode: host', host({ UsernsMode: 'host' })],
  ['cgroup: private', host({ CgroupnsMode: 'private' })],
  ['cgroup_parent: /longshore-test', host({ CgroupParent: '/longshore-test' })],
  ['sysctls: {net.core.somaxconn: 1024}', host({ Sysctls: { 'net.core.somaxconn': '1024' } })],
  ['ulimits: {nofile: 1024}', host({ Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 1024 }] })],
  ['runtime: runc', host({ Runtime: 'runc' })],
  [
    'devices: ["/dev/null:/dev/zilch:r"]\n    device_cgroup_rules: ["c 188:* rwm"]',
    host({
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/zilch', CgroupPermissions: 'r' }],
      DeviceCgroupRules: ['c 188:* rwm'],
    }),
  ],
  [
    'devices: ["vendor.com/class=one"]',
    host({ DeviceRequests: [{ Driver: 'cdi', Count: 0, DeviceIDs: ['vendor.com/class=one'] }] }),
  ],
  ['gpus: all', host({ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] })],
  [
    'deploy: {resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu, video], device_ids: ["0"]}]}}}',
    host({ DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: ['0'], Capabilities: [['gpu', 'video']] }] }),
  ],
  ['oom_kill_disable: true\n    mem_limit: 64m', host({ OomKillDisable: true })],
  ['oom_score_adj: 500', host({ OomScoreAdj: 500 })],
  ['mac_address: 02:42:ac:11:65:43', config({ MacAddress: '02:42:ac:11:65:43' })],
  ['privileged: true', host({ Privileged: true })],
  ['annotations: {vendor.example/a: b}', config({ Labels: expect.objectContaining({ 'vendor.example/a': 'b' }) })],
  ['platform: linux/amd64', { Platform: 'linux' }],
]

test.each(keys)('%s', async (lines, expected) => {
  expect(await inspected(lines)).toMatchObject(expected)
})

test('a container with much of this also starts', async () => {
  const { Id } = await inspected(
    [
      'mem_limit: 64m',
      'cpu_shares: 512',
      'extra_hosts: [device=10.9.8.7]',
      'dns: 9.9.9.9',
      'group_add: [20]',
      'pid: host',
      'sysctls: {net.core.somaxconn: 1024}',
      'ulimits: {nofile: {soft: 512, hard: 1024}}',
      'devices: [/dev/null:/dev/zilch]',
      'mac_address: 02:42:ac:11:65:43',
      'oom_score_adj: 500',
    ].join('\n    '),
  )
  await docker().getContainer(Id).start()
  const { State, NetworkSettings } = await docker().getContainer(Id).inspect()
  expect(State.Status).toBe('running')
  expect(Object.values(NetworkSettings.Networks)[0]?.MacAddress).toBe('02:42:ac:11:65:43')
})
