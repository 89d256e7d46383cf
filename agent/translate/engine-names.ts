/** What our objects are called on the engine, and the labels by which we know them again. Names are Compose's. */
import type { Model, Service } from '../../src/compose/model.ts'
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
  /** the container whose network this one joined */
  joined: 'io.longshore.joined',
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

/** The service whose network a service joins. */
export const joinedService = (service: Service): string | undefined =>
  /^service:(.+)$/.exec(service.network_mode ?? '')?.[1]

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
