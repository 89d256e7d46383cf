/** What a container has of the machine beyond an image and a network: its share, its devices, its namespaces. Pure. */
import { joinsOf } from '../../src/compose/joins.ts'
import type { Service } from '../../src/compose/model.ts'
import type { DeviceRequest } from '../../src/compose/model-devices.ts'
import { defined } from '../../src/defined.ts'
import type { GpuGrant } from '../allot/grant-gpus.ts'

type Texts = readonly string[]
type TextMap = Readonly<Record<string, string>>

export type DeviceSpec = { readonly source: string; readonly target: string; readonly permissions: string }

/** `count` -1: all of them. */
export type DeviceRequestSpec = {
  readonly driver: string
  readonly count: number
  readonly ids: Texts
  readonly capabilities: Texts
  readonly options: TextMap
}

type OfDevice = { readonly path: string }
type RateSpec = readonly (OfDevice & { readonly rate: number })[]

export type BlkioSpec = {
  readonly weight?: number
  readonly weightDevices: readonly (OfDevice & { readonly weight: number })[]
  readonly readBytesPerS: RateSpec
  readonly writeBytesPerS: RateSpec
  readonly readsPerS: RateSpec
  readonly writesPerS: RateSpec
}

/** Every field is absent where nobody asked for it, so that the engine decides. */
export type HostSpec = {
  readonly domainName?: string
  readonly macAddress?: string
  /** `host=address` */
  readonly extraHosts?: Texts
  readonly dns?: Texts
  readonly dnsSearch?: Texts
  readonly dnsOptions?: Texts
  readonly ipcMode?: string
  readonly pidMode?: string
  /** containers whose mounts it has too, as `id` or `id:ro` */
  readonly volumesFrom?: Texts
  readonly utsMode?: string
  readonly usernsMode?: string
  readonly cgroupNamespace?: 'host' | 'private'
  readonly cgroupParent?: string
  readonly groups?: Texts
  readonly sysctls?: TextMap
  readonly storageOptions?: TextMap
  readonly annotations?: TextMap
  readonly privileged?: boolean
  readonly runtime?: string
  /** as `linux/arm64`; the image must be of it */
  readonly platform?: string
  readonly devices?: readonly DeviceSpec[]
  readonly deviceCgroupRules?: Texts
  readonly deviceRequests?: readonly DeviceRequestSpec[]
  /** memory and swap together; -1: no limit */
  readonly memorySwapBytes?: number
  readonly memoryReservationBytes?: number
  readonly memorySwappiness?: number
  readonly cpuSet?: string
  readonly cpuShares?: number
  readonly cpuPeriodUs?: number
  readonly cpuQuotaUs?: number
  readonly cpuRealtimePeriodUs?: number
  readonly cpuRealtimeRuntimeUs?: number
  readonly blkio?: BlkioSpec
  readonly oomKillDisable?: boolean
  readonly oomScoreAdjustment?: number
  /** -1: no limit */
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
}

/**
 * @param joined ids of the containers that it joins, by their service
 * @param gpus what was decided of its GPUs; absent: the engine chooses
 */
export const translateHost = (service: Service, joined: TextMap = {}, gpus?: GpuGrant): HostSpec => {
  const reservations = service.deploy?.resources?.reservations
  const requests = gpus?.requests ?? [
    ...cdiRequests(service),
    ...(service.gpus ?? []).map((gpu) => translateRequest(gpu, ['gpu'])),
    ...(reservations?.devices ?? []).map((device) => translateRequest(device)),
  ]
  return defined({
    domainName: service.domainname,
    macAddress: service.mac_address,
    extraHosts: service.extra_hosts,
    dns: service.dns,
    dnsSearch: service.dns_search,
    dnsOptions: service.dns_opt,
    ipcMode: translateMode(service.ipc, joined),
    pidMode: translateMode(service.pid, joined),
    volumesFrom: service.volumes_from && volumesFrom(service, joined),
    utsMode: service.uts,
    usernsMode: service.userns_mode,
    cgroupNamespace: service.cgroup,
    cgroupParent: service.cgroup_parent,
    groups: added(service.group_add, gpus?.groups),
    sysctls: service.sysctls,
    storageOptions: service.storage_opt,
    annotations: service.annotations,
    privileged: service.privileged,
    runtime: service.runtime ?? gpus?.runtime,
    platform: service.platform,
    devices: withGranted(service.devices && pathDevices(service), gpus?.devices),
    deviceCgroupRules: service.device_cgroup_rules,
    deviceRequests: requests.length === 0 ? undefined : requests,
    memorySwapBytes: service.memswap_limit,
    memoryReservationBytes: service.mem_reservation ?? reservations?.memory,
    memorySwappiness: service.mem_swappiness,
    cpuSet: service.cpuset,
    cpuShares: service.cpu_shares,
    cpuPeriodUs: service.cpu_period,
    cpuQuotaUs: service.cpu_quota,
    cpuRealtimePeriodUs: service.cpu_rt_period,
    cpuRealtimeRuntimeUs: service.cpu_rt_runtime,
    blkio: service.blkio_config && translateBlkio(service.blkio_config),
    oomKillDisable: service.oom_kill_disable,
    oomScoreAdjustment: service.oom_score_adj,
    ulimits: service.ulimits && translateUlimits(service.ulimits),
  })
}

/** What the service names itself is as it says. */
const withGranted = (written: readonly DeviceSpec[] | undefined, granted: readonly DeviceSpec[] = []) =>
  added(
    written,
    granted.filter(({ target }) => written?.some((device) => device.target === target) !== true),
  )

const added = <T>(written: readonly T[] | undefined, granted: readonly T[] = []): readonly T[] | undefined =>
  granted.length === 0 ? written : [...(written ?? []), ...granted]

const translateMode = (mode: string | undefined, joined: TextMap): string | undefined =>
  mode?.startsWith('service:') ? `container:${joined[mode.slice('service:'.length)] ?? ''}` : mode

const volumesFrom = (service: Service, joined: TextMap): string[] =>
  joinsOf(service)
    .filter(({ key }) => key === 'volumes_from')
    .map((join) => `${joined[join.service] ?? ''}${join.readOnly ? ':ro' : ''}`)

/** A name of the Container Device Interface is no path. */
export const isCdi = ({ source }: { readonly source: string }): boolean => !source.startsWith('/')

const pathDevices = ({ devices = [] }: Service): DeviceSpec[] =>
  devices
    .filter((device) => !isCdi(device))
    .map(({ source, target = source, permissions = 'rwm' }) => ({ source, target, permissions }))

const cdiRequests = ({ devices = [] }: Service): DeviceRequestSpec[] => {
  const ids = devices.filter(isCdi).map(({ source }) => source)
  return ids.length === 0 ? [] : [{ driver: 'cdi', count: 0, ids, capabilities: [], options: {} }]
}

export const translateRequest = (request: DeviceRequest, always: Texts = []): DeviceRequestSpec => {
  const { driver = '', count, device_ids: ids = [], capabilities = [], options = {} } = request
  const all = ids.length === 0 ? -1 : 0
  return {
    driver,
    count: typeof count === 'number' ? count : all,
    ids,
    capabilities: [...new Set([...always, ...capabilities])],
    options,
  }
}

const translateBlkio = (blkio: NonNullable<Service['blkio_config']>): BlkioSpec =>
  defined({
    weight: blkio.weight,
    weightDevices: (blkio.weight_device ?? []).map(({ path, weight }) => ({ path, weight })),
    readBytesPerS: translateRates(blkio.device_read_bps),
    writeBytesPerS: translateRates(blkio.device_write_bps),
    readsPerS: translateRates(blkio.device_read_iops),
    writesPerS: translateRates(blkio.device_write_iops),
  })

const translateRates = (rates: RateSpec = []): RateSpec => rates.map(({ path, rate }) => ({ path, rate }))

const translateUlimits = (ulimits: NonNullable<Service['ulimits']>) =>
  Object.entries(ulimits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { soft, hard }]) => ({ name, soft, hard }))
