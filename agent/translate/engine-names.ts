/** What our objects are called on the engine, and the labels by which we know them again. Names are Compose's. */
import { joinsOf, linksOf } from '../../src/compose/joins.ts'
import { isJob, type Model, replicasOf, type Service } from '../../src/compose/model.ts'
import type { Network, Volume } from '../../src/compose/model-networks.ts'

export const label = {
  /** the device id of the agent that made the object; every list is filtered by it */
  agent: 'io.longshore.agent',
  app: 'io.longshore.app',
  service: 'io.longshore.service',
  number: 'io.longshore.number',
  generation: 'io.longshore.generation',
  release: 'io.longshore.release',
  /** the spec digest */
  digest: 'io.longshore.digest',
  /** the containers that this one joined or follows, by their ids */
  joined: 'io.longshore.joined',
  /** what it was made for of the hardware that its service asks for (container-devices.ts) */
  devices: 'io.longshore.devices',
  /** why it was made, for people */
  cause: 'io.longshore.cause',
  /** the digest of the definition of a network or volume; what an older agent made has none */
  definition: 'io.longshore.definition',
} as const

/** Whose objects: the agent's device id, and what it puts before every name where it shares an engine. */
export type Owner = { readonly agent: string; readonly namePrefix: string }

export const containerName = (
  owner: Owner,
  app: string,
  service: string,
  model: Pick<Service, 'container_name'>,
  number = 1,
): string => `${owner.namePrefix}${model.container_name ?? `${app}-${service}-${number}`}`

/** A container made beforehand; it takes its name when its turn comes. */
export const nextName = (name: string): string => `${name}.next`

export const networkName = (owner: Owner, app: string, model: Model, key: string): string =>
  resourceName(owner, app, model.networks?.[key], key)

export const volumeName = (owner: Owner, app: string, model: Model, key: string): string =>
  resourceName(owner, app, model.volumes?.[key], key)

/** What is external is called as its maker called it. */
const resourceName = (owner: Owner, app: string, definition: Network | Volume | undefined, key: string): string =>
  definition?.external === true ? (definition.name ?? key) : `${owner.namePrefix}${definition?.name ?? `${app}_${key}`}`

/**
 * The networks of its own that a service attaches to, by key, the first of the container first; none where it uses the
 * network of something else.
 */
export const networkKeys = ({ network_mode, networks = {} }: Service): string[] => {
  if (network_mode !== undefined) return []
  const keys = Object.keys(networks).sort()
  const priority = (key: string): number => networks[key]?.priority ?? 0
  return keys.length === 0 ? ['default'] : keys.sort((a, b) => priority(b) - priority(a))
}

/**
 * The services whose containers a service joins, or with which it is made anew (`depends_on` with `restart: true`), each
 * once, sorted. Nobody follows a job: it ends by itself.
 */
export const followedServices = (model: Model, service: Service): string[] => {
  const restartsWith = Object.entries(service.depends_on ?? {}).flatMap(([other, { restart, condition }]) => {
    const dependency = model.services[other]
    const isFollowed = restart === true && dependency !== undefined && replicasOf(dependency) > 0
    return isFollowed && condition !== 'service_completed_successfully' && !isJob(dependency, false) ? [other] : []
  })
  return [...new Set([...joinsOf(service).map((join) => join.service), ...restartsWith])].sort()
}

/** The value of the label `joined`; undefined: nobody is followed, or not all that are to be are there yet. */
export const joinedLabel = (
  followed: readonly string[],
  containerIds: Readonly<Record<string, string>>,
): string | undefined => {
  const ids = followed.map((service) => containerIds[service])
  return ids.length === 0 || ids.includes(undefined) ? undefined : ids.join(' ')
}

/** What others that link to a service call it, by the network that they share with it. */
export const linkAliases = (model: Model, name: string): Record<string, string[]> => {
  const service = model.services[name]
  const aliases: Record<string, string[]> = {}
  if (service === undefined) return aliases
  for (const other of Object.values(model.services)) {
    const given = linksOf(other).filter((link) => link.service === name && link.alias !== name)
    const shared = given.length === 0 ? [] : networkKeys(other).filter((key) => networkKeys(service).includes(key))
    for (const key of shared)
      aliases[key] = [...new Set([...(aliases[key] ?? []), ...given.map(({ alias }) => alias)])].sort()
  }
  return aliases
}

/** What a container of a service is known by on a network of its. */
export const networkAliases = (
  owner: Owner,
  app: string,
  model: Model,
  { name, service, number, key }: NetworkPlace,
): string[] => {
  // The container's own name is an alias too, because it is created under another one and renamed.
  const own = containerName(owner, app, name, service, number)
  return [
    ...new Set([name, own, ...(service.networks?.[key]?.aliases ?? []), ...(linkAliases(model, name)[key] ?? [])]),
  ]
}

type NetworkPlace = {
  readonly name: string
  readonly service: Service
  readonly number: number
  /** of the network */
  readonly key: string
}

/** The networks that the app as a whole needs, by key. */
export const usedNetworkKeys = (model: Model): string[] =>
  [...new Set(Object.values(model.services).flatMap(networkKeys))].sort()

/** The named volumes that the app's services mount, by key. */
export const usedVolumeKeys = (model: Model): string[] =>
  [
    ...new Set(
      Object.values(model.services).flatMap((service) =>
        (service.volumes ?? []).flatMap((mount) =>
          mount.type === 'volume' && mount.source !== undefined ? [mount.source] : [],
        ),
      ),
    ),
  ].sort()

export const ownerLabels = (owner: Owner, app: string): Record<string, string> => ({
  [label.agent]: owner.agent,
  [label.app]: app,
})
