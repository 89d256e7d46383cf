/** What must hold between the parts of a model, beyond the shape of each. Pure; used by the command and by the agent. */
import type { Code } from '../protocol/codes.ts'
import { deviceFaults } from './check-devices.ts'
import { gpuFaults } from './check-gpu.ts'
import { hostFaults } from './check-host.ts'
import { joinFaults } from './check-joins.ts'
import { networkFaults } from './check-networks.ts'
import { updateFaults } from './check-update.ts'
import { windowFaults } from './check-window.ts'
import { doClash, type HostPort, hostPortOf, hostPortsOf, hostPortText } from './host-ports.ts'
import { joinsOf, linksOf } from './joins.ts'
import { hasLock, lockTarget } from './lock.ts'
import { type Model, replicasOf, type Service } from './model.ts'

export type Fault = { readonly code: Code; readonly path: readonly (string | number)[]; readonly message: string }

/** Every fault between services: missing references, circles, host ports and names used twice. Empty: none. */
export const checkModel = (model: Model): Fault[] => [
  ...serviceEntries(model).flatMap(([name, service]) => [
    ...missingReferences(model, name, service),
    ...imageFaults(name, service),
    ...duplicateTargets(name, service),
    ...differingLimits(name, service),
    ...replicaFaults(name, service),
    ...hostFaults(name, service),
    ...deviceFaults(name, service),
    ...gpuFaults(name, service),
    ...joinFaults(model, name, service),
    ...updateFaults(name, service),
  ]),
  ...circles(model),
  ...duplicatePorts(model),
  ...duplicateNames(model),
  ...differingPlatforms(model),
  ...networkFaults(model),
  ...windowFaults(model),
]

const serviceEntries = (model: Model): [string, Service][] => Object.entries(model.services)

const missingReferences = (model: Model, name: string, service: Service): Fault[] => {
  const missing = (path: (string | number)[], what: string): Fault => ({
    code: 'reference-missing',
    path: ['services', name, ...path],
    message: `service ${name} names ${what}, which is not defined`,
  })
  const isMissing = (other: string) => !Object.hasOwn(model.services, other)
  return [
    ...Object.entries(service.depends_on ?? {})
      .filter(([other, { required }]) => !Object.hasOwn(model.services, other) && required !== false)
      .map(([other]) => missing(['depends_on', other], `service ${other}`)),
    ...joinsOf(service)
      .filter((join) => isMissing(join.service))
      .map(({ key, service: other }) => missing([key], `service ${other}`)),
    ...linksOf(service).flatMap(({ service: other }, index) =>
      isMissing(other) ? [missing(['links', index], `service ${other}`)] : [],
    ),
    ...Object.keys(service.networks ?? {})
      .filter((network) => network !== 'default' && !Object.hasOwn(model.networks ?? {}, network))
      .map((network) => missing(['networks', network], `network ${network}`)),
    ...(service.volumes ?? []).flatMap((mount, index) =>
      mount.type === 'volume' && mount.source !== undefined && !Object.hasOwn(model.volumes ?? {}, mount.source)
        ? [missing(['volumes', index], `volume ${mount.source}`)]
        : [],
    ),
    ...(['configs', 'secrets'] as const).flatMap((kind) =>
      (service[kind] ?? []).flatMap(({ source }, index) =>
        Object.hasOwn(model[kind] ?? {}, source) ? [] : [missing([kind, index], `${kind.slice(0, -1)} ${source}`)],
      ),
    ),
    ...Object.entries(service['x-longshore']?.secretEnv ?? {}).flatMap(([variable, secret]) =>
      Object.hasOwn(model.secrets ?? {}, secret)
        ? []
        : [missing(['x-longshore', 'secretEnv', variable], `secret ${secret}`)],
    ),
    ...(service.network_mode !== undefined && service.networks !== undefined
      ? [
          {
            code: 'value-invalid' as const,
            path: ['services', name, 'network_mode'],
            message: `service ${name} has both network_mode and networks`,
          },
        ]
      : []),
    ...(service.network_mode !== undefined &&
    /^(host|none|service:)/.test(service.network_mode) &&
    (service.ports?.length ?? 0) > 0 &&
    service.network_mode !== 'host'
      ? [
          {
            code: 'value-invalid' as const,
            path: ['services', name, 'ports'],
            message: `service ${name} publishes ports, which network_mode ${service.network_mode} cannot`,
          },
        ]
      : []),
  ]
}

/**
 * registry[:port]/path[:tag][@digest], after the reference grammar of the OCI distribution specification. The first
 * part is a registry only if it has a dot, a port, or is localhost, as every engine reads it.
 */
const registry = /(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])(?::\d+)?\//
const pathPart = /[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*/
const imagePattern = new RegExp(
  `^(?:${registry.source})?${pathPart.source}(?:/${pathPart.source})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
)

const imageFaults = (name: string, service: Service): Fault[] =>
  service.image.length <= 1024 && (imagePattern.test(service.image) || /^sha256:[0-9a-f]{64}$/.test(service.image))
    ? []
    : [
        {
          code: 'image-invalid',
          path: ['services', name, 'image'],
          message: `image ${JSON.stringify(service.image.slice(0, 200))} does not parse`,
        },
      ]

/** What a service must start after: `depends_on`, and the services that it joins and links to. */
export const startsAfter = (service: Service): string[] => [
  ...new Set([
    ...Object.keys(service.depends_on ?? {}),
    ...[...joinsOf(service), ...linksOf(service)].map((other) => other.service),
  ]),
]

/** Depth first with a trail of our own: a chain of services may be longer than the stack is deep. */
const circles = (model: Model): Fault[] => {
  const done = new Set<string>()
  for (const first of Object.keys(model.services)) {
    const trail: { name: string; others: string[] }[] = []
    const onTrail = new Set<string>()
    const enter = (name: string): void => {
      const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined
      if (service === undefined || done.has(name)) return
      trail.push({ name, others: startsAfter(service) })
      onTrail.add(name)
    }
    enter(first)
    for (let step = trail.at(-1); step !== undefined; step = trail.at(-1)) {
      const other = step.others.shift()
      if (other === undefined) {
        trail.pop()
        onTrail.delete(step.name)
        done.add(step.name)
      } else if (onTrail.has(other)) {
        const names = trail.map(({ name }) => name)
        return [circleFault([...names.slice(names.indexOf(other)), other])]
      } else enter(other)
    }
  }
  return []
}

const circleFault = (circle: readonly string[]): Fault => ({
  code: 'dependency-cycle',
  path: ['services', circle[0] as string, 'depends_on'],
  message: `services depend on each other in a circle: ${circle.join(' → ')}`,
})

const duplicatePorts = (model: Model): Fault[] => {
  const taken: { owner: string; port: HostPort }[] = []
  return serviceEntries(model).flatMap(([name, service]) =>
    (service.ports ?? []).flatMap((written, index) => {
      const port = hostPortOf(written)
      if (port === undefined) return []
      const clash = taken.find((other) => doClash(other.port, port))
      taken.push({ owner: name, port })
      if (clash === undefined) return []
      const single = port.from === port.to ? port : clash.port
      const message = `host port ${hostPortText(single)} is published by ${clash.owner} and by ${name}`
      return [{ code: 'port-duplicate' as const, path: ['services', name, 'ports', index], message }]
    }),
  )
}

/** Two mounts on one path: engines refuse them, so this does, before anything is stopped. */
const duplicateTargets = (name: string, service: Service): Fault[] => {
  const targets = new Set<string>((service.tmpfs ?? []).map((entry) => entry.split(':')[0] as string))
  const fault = (target: string, ...path: (string | number)[]): Fault => ({
    code: 'value-invalid',
    path: ['services', name, ...path],
    message: `service ${name} mounts two things on ${target}`,
  })
  const isLockTaken = hasLock(service) && targets.has(lockTarget)
  if (hasLock(service)) targets.add(lockTarget)
  const mounted = (['volumes', 'configs', 'secrets'] as const).flatMap((key) =>
    (service[key] ?? []).flatMap(({ target }, index) => {
      if (targets.has(target)) return [fault(target, key, index)]
      targets.add(target)
      return []
    }),
  )
  return isLockTaken ? [fault(lockTarget, 'tmpfs'), ...mounted] : mounted
}

/** The limits that Compose lets be written in two places; as there, they must not differ. */
const differingLimits = (name: string, service: Service): Fault[] => {
  const { limits, reservations } = service.deploy?.resources ?? {}
  const pairs = [
    ['mem_limit', service.mem_limit, 'limits.memory', limits?.memory],
    ['cpus', service.cpus, 'limits.cpus', limits?.cpus],
    ['pids_limit', service.pids_limit, 'limits.pids', limits?.pids],
    ['mem_reservation', service.mem_reservation, 'reservations.memory', reservations?.memory],
  ] as const
  return pairs.flatMap(([key, value, other, otherValue]) =>
    value === undefined || otherValue === undefined || value === otherValue
      ? []
      : [
          {
            code: 'value-invalid' as const,
            path: ['services', name, key],
            message: `${key} is ${value} and deploy.resources.${other} is ${otherValue}: keep one of them`,
          },
        ],
  )
}

/** What only one container can have, while several are asked for. */
const replicaFaults = (name: string, service: Service): Fault[] => {
  const count = replicasOf(service)
  if (count <= 1) return []
  const only = (key: string, what: string, most = 1): Fault => ({
    code: 'value-invalid',
    path: ['services', name, key],
    message: `service ${name} asks for ${count} containers, and only ${most === 1 ? 'one' : most} can have ${what}`,
  })
  const port = hostPortsOf(service).find(({ from, to }) => to - from + 1 < count)
  return [
    ...(service.container_name === undefined ? [] : [only('container_name', `the name ${service.container_name}`)]),
    ...(port === undefined ? [] : [only('ports', `host port ${hostPortText(port)}`, port.to - port.from + 1)]),
  ]
}

/** An engine keeps one image for a reference. */
const differingPlatforms = (model: Model): Fault[] => {
  const first = new Map<string, [name: string, platform: string | undefined]>()
  return serviceEntries(model).flatMap(([name, { image, platform }]) => {
    const other = first.get(image)
    if (other === undefined) first.set(image, [name, platform])
    if (other === undefined || other[1] === platform) return []
    const message = `services ${other[0]} and ${name} use image ${image} for different platforms: give both the same`
    return [{ code: 'value-invalid' as const, path: ['services', name, 'platform'], message }]
  })
}

const duplicateNames = (model: Model): Fault[] => {
  const owners = new Map<string, string>()
  return serviceEntries(model).flatMap(([name, service]) => {
    if (service.container_name === undefined) return []
    const owner = owners.get(service.container_name)
    owners.set(service.container_name, name)
    if (owner === undefined) return []
    return [
      {
        code: 'name-duplicate' as const,
        path: ['services', name, 'container_name'],
        message: `container name ${service.container_name} is used by ${owner} and by ${name}`,
      },
    ]
  })
}
