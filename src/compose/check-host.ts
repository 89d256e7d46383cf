/** What no engine makes of keys that say how a container stands to its machine: found before anything is stopped. */
import type { Fault } from './check.ts'
import type { Service } from './model.ts'

export const hostFaults = (name: string, service: Service): Fault[] => {
  const fault = (key: string, message: string): Fault => ({
    code: 'value-invalid',
    path: ['services', name, key],
    message: `service ${name}: ${message}`,
  })
  return [
    ...memoryFaults(service, fault),
    ...processorFaults(service, fault),
    ...networkFaults(service, fault),
    ...requestFaults(service, fault),
    ...(service.uts === 'host' && (service.hostname !== undefined || service.domainname !== undefined)
      ? [fault('uts', 'uts: host takes the name of the device; it cannot have hostname or domainname')]
      : []),
    ...Object.entries(service.ulimits ?? {}).flatMap(([limit, { soft, hard }]) =>
      hard !== -1 && (soft === -1 || soft > hard)
        ? [fault('ulimits', `the soft limit of ${limit} is over the hard one`)]
        : [],
    ),
  ]
}

type MakeFault = (key: string, message: string) => Fault

const memoryFaults = (service: Service, fault: MakeFault): Fault[] => {
  const { limits, reservations } = service.deploy?.resources ?? {}
  const limit = service.mem_limit ?? limits?.memory
  const swap = service.memswap_limit
  const reserved = service.mem_reservation ?? reservations?.memory
  return [
    ...(swap !== undefined && swap > 0 && limit === undefined
      ? [fault('memswap_limit', 'memswap_limit has a meaning beside mem_limit only')]
      : []),
    ...(swap !== undefined && swap > 0 && limit !== undefined && swap < limit
      ? [fault('memswap_limit', 'memswap_limit is memory and swap together, and less than mem_limit')]
      : []),
    ...(reserved !== undefined && limit !== undefined && reserved > limit
      ? [fault('mem_reservation', 'mem_reservation is more than mem_limit')]
      : []),
  ]
}

const processorFaults = (service: Service, fault: MakeFault): Fault[] => {
  const cpus = service.cpus ?? service.deploy?.resources?.limits?.cpus
  const other = (['cpu_period', 'cpu_quota'] as const).find((key) => service[key] !== undefined)
  const { cpu_rt_runtime: runtime, cpu_rt_period: period } = service
  return [
    ...(cpus !== undefined && other !== undefined
      ? [fault(other, `cpus and ${other} say the same in two ways: keep one`)]
      : []),
    ...(runtime !== undefined && period !== undefined && runtime > period
      ? [fault('cpu_rt_runtime', 'cpu_rt_runtime is more than cpu_rt_period')]
      : []),
  ]
}

/** A network that is not of its own has its name, its hosts file and its addresses already. */
const networkFaults = (service: Service, fault: MakeFault): Fault[] => {
  const mode = service.network_mode ?? ''
  const isJoined = mode.startsWith('service:')
  const keys = isJoined
    ? (['hostname', 'dns', 'extra_hosts', 'mac_address', 'expose'] as const)
    : mode === 'host'
      ? (['mac_address'] as const)
      : []
  return keys
    .filter((key) => service[key] !== undefined)
    .map((key) => fault(key, `network_mode ${mode} cannot have ${key}`))
}

const requestFaults = (service: Service, fault: MakeFault): Fault[] => {
  const requests = [...(service.gpus ?? []), ...(service.deploy?.resources?.reservations?.devices ?? [])]
  return requests.some(({ count, device_ids }) => count !== undefined && device_ids !== undefined)
    ? [fault('gpus', 'a request for devices has both count and device_ids')]
    : []
}
