/** What must hold between the parts of a model, beyond the shape of each. Pure; used by the command and by the agent. */
import type { Code } from '../protocol/codes.ts'
import type { Model, Service } from './model.ts'

export type Fault = { readonly code: Code; readonly path: readonly (string | number)[]; readonly message: string }

/** Every fault between services: missing references, circles, host ports and names used twice. Empty: none. */
export const checkModel = (model: Model): Fault[] => [
  ...serviceEntries(model).flatMap(([name, service]) => [
    ...missingReferences(model, name, service),
    ...imageFaults(name, service),
  ]),
  ...circles(model),
  ...duplicatePorts(model),
  ...duplicateNames(model),
]

const serviceEntries = (model: Model): [string, Service][] => Object.entries(model.services)

const missingReferences = (model: Model, name: string, service: Service): Fault[] => {
  const missing = (path: (string | number)[], what: string): Fault => ({
    code: 'reference-missing',
    path: ['services', name, ...path],
    message: `service ${name} names ${what}, which is not defined`,
  })
  const joined = /^service:(.+)$/.exec(service.network_mode ?? '')?.[1]
  return [
    ...Object.entries(service.depends_on ?? {})
      .filter(([other, { required }]) => !(other in model.services) && required !== false)
      .map(([other]) => missing(['depends_on', other], `service ${other}`)),
    ...(joined !== undefined && !(joined in model.services) ? [missing(['network_mode'], `service ${joined}`)] : []),
    ...Object.keys(service.networks ?? {})
      .filter((network) => network !== 'default' && !(network in (model.networks ?? {})))
      .map((network) => missing(['networks', network], `network ${network}`)),
    ...(service.volumes ?? []).flatMap((mount, index) =>
      mount.type === 'volume' && !(mount.source in (model.volumes ?? {}))
        ? [missing(['volumes', index], `volume ${mount.source}`)]
        : [],
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

/** registry[:port]/path[:tag][@digest], after the reference grammar of the OCI distribution specification. */
const imagePattern =
  /^(?:(?=[^:/]{1,253}(?![^/]))?[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/

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

/** What a service must start after: `depends_on`, and the service whose network it joins. */
export const startsAfter = (service: Service): string[] => {
  const joined = /^service:(.+)$/.exec(service.network_mode ?? '')?.[1]
  return [...Object.keys(service.depends_on ?? {}), ...(joined === undefined ? [] : [joined])]
}

const circles = (model: Model): Fault[] => {
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): string[] | undefined => {
    const start = trail.indexOf(name)
    if (start >= 0) return [...trail.slice(start), name]
    const service = model.services[name]
    if (done.has(name) || service === undefined) return undefined
    for (const other of startsAfter(service)) {
      const circle = visit(other, [...trail, name])
      if (circle !== undefined) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of Object.keys(model.services)) {
    const circle = visit(name, [])
    if (circle !== undefined)
      return [
        {
          code: 'dependency-cycle',
          path: ['services', circle[0] as string, 'depends_on'],
          message: `services depend on each other in a circle: ${circle.join(' → ')}`,
        },
      ]
  }
  return []
}

/** One key per host address that a port takes; a port without `host_ip` takes all of them. */
const duplicatePorts = (model: Model): Fault[] => {
  const taken: { owner: string; key: string; hostIp: string }[] = []
  const faults: Fault[] = []
  for (const [name, service] of serviceEntries(model)) {
    for (const [index, port] of (service.ports ?? []).entries()) {
      if (port.published === undefined || port.published === 0) continue
      const key = `${port.published}/${port.protocol}`
      const hostIp = port.host_ip ?? '0.0.0.0'
      const clash = taken.find(
        (other) => other.key === key && (other.hostIp === hostIp || other.hostIp === '0.0.0.0' || hostIp === '0.0.0.0'),
      )
      if (clash !== undefined)
        faults.push({
          code: 'port-duplicate',
          path: ['services', name, 'ports', index],
          message: `host port ${key} is published by ${clash.owner} and by ${name}`,
        })
      taken.push({ owner: name, key, hostIp })
    }
  }
  return faults
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
