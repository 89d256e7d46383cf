/**
 * What a deployment asks of the device against what the device allows: decided by whoever runs the agent, never by the
 * deployment. The first thing that is not allowed is the reason, with its place and what would allow it. Pure.
 */
import type { Model, Service } from '../../src/compose/model.ts'
import { parseSizeBytes } from '../../src/compose/units.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { deviceFault, deviceRuleFault } from './judge-device.ts'
import { hostPathFault, type Refused } from './judge-host-path.ts'
import { imageFault } from './judge-image.ts'
import { volumeFault } from './judge-volume.ts'
import { matches } from './patterns.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import type { HostNamespace } from './policy-schema.ts'

type Fault = Refused & { readonly path: string }

/** undefined: the device allows it all. */
export const policyFault = (model: Model, inForce: PolicyInForce): Reason | undefined => {
  const fault = modelFaults(model, inForce)[0]
  if (fault === undefined) return undefined
  return {
    code: 'policy-refused',
    message: `${fault.asks}, which this device does not allow; its policy would need ${fault.allow}`,
    path: `compose.${fault.path}`,
  }
}

/** undefined: the device answers this verb. */
export const verbFault = (verb: string, { policy }: PolicyInForce): Reason | undefined =>
  !isNamed(policy.commands, verb)
    ? verbRefusal(verb, `commands: [${verb}]`)
    : isNamed(policy.refusedCommands, verb)
      ? verbRefusal(verb, `refusedCommands without ${verb}`)
      : undefined

const isNamed = (patterns: readonly string[], verb: string): boolean =>
  patterns.some((pattern) => matches(pattern, verb))

const verbRefusal = (verb: string, allow: string): Reason => ({
  code: 'policy-refused',
  message: `this device does not allow the command ${verb}; its policy would need ${allow}`,
  path: 'verb',
})

const modelFaults = (model: Model, inForce: PolicyInForce): Fault[] => [
  ...sorted(model.services).flatMap(([name, service]) =>
    serviceFaults(service, inForce).map(({ asks, allow, path }) => ({
      asks: `service ${name} ${asks}`,
      allow,
      path: `services.${name}.${path}`,
    })),
  ),
  ...sorted(model.volumes ?? {}).flatMap(([name, volume]) => {
    const fault = volumeFault(volume, inForce)
    if (fault === undefined) return []
    return [{ ...fault, asks: `volume ${name} ${fault.asks}`, path: `volumes.${name}.driver_opts.${fault.key}` }]
  }),
]

const serviceFaults = (service: Service, inForce: PolicyInForce): Fault[] => {
  const { policy } = inForce
  const isShared = namespacesOf(service)
  return [
    at('privileged', service.privileged === true && !policy.privileged && asking('privileged', 'privileged: true')),
    ...isShared.map(({ path, namespace }) =>
      at(
        path,
        !policy.hostNamespaces.includes(namespace) &&
          asking(`the ${namespace} namespace of the device`, `hostNamespaces: [${namespace}]`),
      ),
    ),
    ...(service.cap_add ?? []).map((name, index) =>
      at(`cap_add[${index}]`, capabilityFault(name, policy.capabilities)),
    ),
    ...(service.security_opt ?? []).map((option, index) =>
      at(`security_opt[${index}]`, securityFault(option, policy.securityOptions)),
    ),
    ...(service.volumes ?? []).map((mount, index) =>
      at(
        `volumes[${index}]`,
        // A path of the project folder is the agent's to place.
        mount.type === 'bind' &&
          mount.source.startsWith('/') &&
          hostPathFault(mount.source, mount.read_only === true, inForce),
      ),
    ),
    ...logPaths(service).map(([key, path]) => at(`logging.options.${key}`, hostPathFault(path, false, inForce))),
    ...(service.devices ?? []).map(({ source }, index) => at(`devices[${index}]`, deviceFault(source, inForce))),
    ...(service.device_cgroup_rules ?? []).map((rule, index) =>
      at(`device_cgroup_rules[${index}]`, deviceRuleFault(rule, inForce)),
    ),
    ...requestsOf(service).map(({ path, request }) => {
      const ids = request.driver === 'cdi' ? (request.device_ids ?? []) : []
      const refused = ids.map((id) => deviceFault(id, inForce)).find((fault) => fault !== undefined)
      return at(path, policy.gpus ? refused : asking('GPUs or other devices of a driver', 'gpus: true'))
    }),
    at('x-longshore.gpu', service['x-longshore']?.gpu !== undefined && !policy.gpus && asking('a GPU', 'gpus: true')),
    at(
      'runtime',
      service.runtime !== undefined &&
        !policy.runtimes.some((pattern) => matches(pattern, service.runtime ?? '')) &&
        asking(`the runtime ${service.runtime}`, `runtimes: [${service.runtime}]`),
    ),
    at(
      'sysctls',
      Object.keys(service.sysctls ?? {}).length > 0 &&
        isShared.some(({ namespace }) => namespace === 'network' || namespace === 'ipc') &&
        !policy.hostSysctls &&
        asking('sysctls in a namespace of the device', 'hostSysctls: true'),
    ),
    at('image', imageFault(service.image, inForce)),
    memoryFault(service, policy.maxMemory),
  ].flatMap((fault) => fault ?? [])
}

const at = (path: string, refused: Refused | false | undefined): Fault | undefined =>
  refused ? { ...refused, path } : undefined

const asking = (what: string, allow: string): Refused => ({ asks: `asks for ${what}`, allow })

type Shared = { readonly path: string; readonly namespace: HostNamespace }

/** An external network of the name host is no way round: the model cannot say it. */
const namespacesOf = (service: Service): Shared[] => {
  const shares: readonly (Shared & { readonly is: boolean })[] = [
    { path: 'network_mode', namespace: 'network', is: service.network_mode === 'host' },
    { path: 'pid', namespace: 'pid', is: service.pid === 'host' },
    { path: 'ipc', namespace: 'ipc', is: service.ipc === 'host' },
    { path: 'uts', namespace: 'uts', is: service.uts === 'host' },
    // Podman takes the namespace of any process or container, and by it that of the device.
    { path: 'userns_mode', namespace: 'userns', is: /^(host$|ns:|container:)/.test(service.userns_mode ?? '') },
    { path: 'cgroup', namespace: 'cgroup', is: service.cgroup === 'host' },
  ]
  return shares.filter(({ is }) => is).map(({ path, namespace }) => ({ path, namespace }))
}

const capabilityFault = (asked: string, allowed: readonly string[]): Refused | undefined => {
  const plain = (name: string): string => name.replace(/^CAP_/, '')
  const name = plain(asked)
  const isAllowed = allowed.some((one) => plain(one) === name || plain(one) === 'ALL')
  return isAllowed ? undefined : asking(`the capability ${name}`, `capabilities: [${name}]`)
}

/** An engine takes `NAME:VALUE` for `NAME=VALUE`. */
const securityFault = (option: string, allowed: readonly string[]): Refused | undefined => {
  const plain = option.includes('=') ? option : option.replace(':', '=')
  if (allowed.some((pattern) => matches(pattern, plain))) return undefined
  const shown = plain.length > 60 ? `${plain.slice(0, 57)}…` : plain
  return { asks: `has the security option ${shown}`, allow: `securityOptions: [${shown}]` }
}

/** Podman writes what a container says to a file that its log option names, as root; it minds no capitals. */
const logPaths = ({ logging }: Service): [string, string][] =>
  Object.entries(logging?.options ?? {}).filter(([key]) => key.toLowerCase() === 'path')

const requestsOf = (service: Service) => [
  ...(service.gpus ?? []).map((request, index) => ({ path: `gpus[${index}]`, request })),
  ...(service.deploy?.resources?.reservations?.devices ?? []).map((request, index) => ({
    path: `deploy.resources.reservations.devices[${index}]`,
    request,
  })),
]

const memoryFault = (service: Service, most: number | string | null): Fault | undefined => {
  const mostBytes = typeof most === 'string' ? parseSizeBytes(most) : most
  if (mostBytes == null) return undefined
  // The engine takes 0 for no limit.
  const limit = service.mem_limit ?? service.deploy?.resources?.limits?.memory ?? 0
  if (limit > 0 && limit <= mostBytes) return undefined
  const path = service.mem_limit === undefined ? 'deploy.resources.limits.memory' : 'mem_limit'
  const asks = limit === 0 ? 'has no memory limit' : `has a memory limit of ${limit} bytes`
  return { asks, allow: `maxMemory above ${limit === 0 ? 'all, as null' : limit} instead of ${mostBytes} bytes`, path }
}

const sorted = <T>(record: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
