/** The part of a create body that says what a container has of the machine. What nobody asked for is left out. */
import type { HostConfig } from 'dockerode'
import { defined } from '../../src/defined.ts'
import type { BlkioSpec, DeviceRequestSpec, HostSpec } from '../translate/host-spec.ts'

/** The types of dockerode lack what came with later versions of the API, which older engines pass over. */
type NewerKeys = { CgroupnsMode?: string; Annotations?: Record<string, string>; MemorySwappiness?: number }

export const machineConfig = (spec: HostSpec): HostConfig & NewerKeys =>
  defined({
    ExtraHosts: spec.extraHosts?.map((entry) => entry.replace('=', ':')),
    Dns: copy(spec.dns),
    DnsSearch: copy(spec.dnsSearch),
    DnsOptions: copy(spec.dnsOptions),
    IpcMode: spec.ipcMode,
    PidMode: spec.pidMode,
    VolumesFrom: copy(spec.volumesFrom),
    UTSMode: spec.utsMode,
    UsernsMode: spec.usernsMode,
    CgroupnsMode: spec.cgroupNamespace,
    CgroupParent: spec.cgroupParent,
    GroupAdd: copy(spec.groups),
    Sysctls: spec.sysctls && { ...spec.sysctls },
    StorageOpt: spec.storageOptions && { ...spec.storageOptions },
    Annotations: spec.annotations && { ...spec.annotations },
    Privileged: spec.privileged,
    Runtime: spec.runtime,
    Devices: spec.devices?.map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: copy(spec.deviceCgroupRules),
    DeviceRequests: spec.deviceRequests?.map(requestBody),
    MemorySwap: spec.memorySwapBytes,
    MemoryReservation: spec.memoryReservationBytes,
    MemorySwappiness: spec.memorySwappiness,
    CpusetCpus: spec.cpuSet,
    CpuShares: spec.cpuShares,
    CpuPeriod: spec.cpuPeriodUs,
    CpuQuota: spec.cpuQuotaUs,
    CpuRealtimePeriod: spec.cpuRealtimePeriodUs,
    CpuRealtimeRuntime: spec.cpuRealtimeRuntimeUs,
    ...(spec.blkio && blkioBody(spec.blkio)),
    OomKillDisable: spec.oomKillDisable,
    OomScoreAdj: spec.oomScoreAdjustment,
    Ulimits: spec.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
  })

const copy = (texts: readonly string[] | undefined): string[] | undefined => texts && [...texts]

/** The capabilities of one request must all be there: a list of one list. */
const requestBody = ({ driver, count, ids, capabilities, options }: DeviceRequestSpec) => ({
  Driver: driver,
  Count: count,
  DeviceIDs: [...ids],
  Capabilities: capabilities.length === 0 ? [] : [[...capabilities]],
  Options: { ...options },
})

const blkioBody = (blkio: BlkioSpec): HostConfig =>
  defined({
    BlkioWeight: blkio.weight,
    BlkioWeightDevice: blkio.weightDevices.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: blkio.readBytesPerS.map(rateBody),
    BlkioDeviceWriteBps: blkio.writeBytesPerS.map(rateBody),
    BlkioDeviceReadIOps: blkio.readsPerS.map(rateBody),
    BlkioDeviceWriteIOps: blkio.writesPerS.map(rateBody),
  })

const rateBody = ({ path, rate }: { readonly path: string; readonly rate: number }) => ({ Path: path, Rate: rate })
