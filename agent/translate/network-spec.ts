/** What a network, a volume and a container's place on a network must be, in our own words. Pure. */
import type { Model, Service } from '../../src/compose/model.ts'
import { defined } from '../../src/defined.ts'
import { digestOf } from '../../src/protocol/digest.ts'
import { label, networkAliases, networkName, type Owner, ownerLabels } from './engine-names.ts'

type Texts = Readonly<Record<string, string>>

export type PoolSpec = {
  readonly subnet?: string
  readonly ipRange?: string
  readonly gateway?: string
  readonly auxAddresses?: Texts
}

export type NetworkSpec = {
  readonly labels: Texts
  /** absent: what the engine takes by itself, a bridge */
  readonly driver?: string
  readonly driverOptions: Texts
  readonly isInternal: boolean
  readonly hasIpv4: boolean
  readonly hasIpv6: boolean
  readonly ipam?: { readonly driver?: string; readonly options: Texts; readonly pools: readonly PoolSpec[] }
}

export type VolumeSpec = { readonly labels: Texts; readonly driver?: string; readonly driverOptions: Texts }

/** A container on a network; `network` is its name on the engine. */
export type AttachmentSpec = {
  readonly network: string
  readonly aliases: readonly string[]
  readonly ipv4Address?: string
  readonly ipv6Address?: string
  readonly linkLocalIps?: readonly string[]
  readonly macAddress?: string
  readonly driverOptions?: Texts
}

export const translateNetwork = (owner: Owner, app: string, model: Model, key: string): NetworkSpec => {
  const { labels, driver, driver_opts, internal, enable_ipv4, enable_ipv6, ipam } = model.networks?.[key] ?? {}
  return defined({
    labels: {
      ...labels,
      ...ownerLabels(owner, app),
      [label.definition]: networkDefinitionDigest(model, key),
    },
    driver,
    driverOptions: driver_opts ?? {},
    isInternal: internal ?? false,
    hasIpv4: enable_ipv4 ?? true,
    hasIpv6: enable_ipv6 ?? false,
    ipam:
      ipam &&
      defined({
        driver: ipam.driver,
        options: ipam.options ?? {},
        pools: (ipam.config ?? []).map(({ subnet, ip_range, gateway, aux_addresses }) =>
          defined({ subnet, ipRange: ip_range, gateway, auxAddresses: aux_addresses }),
        ),
      }),
  })
}

export const translateVolume = (owner: Owner, app: string, model: Model, key: string): VolumeSpec => {
  const { labels, driver, driver_opts } = model.volumes?.[key] ?? {}
  return defined({
    labels: { ...labels, ...ownerLabels(owner, app), [label.definition]: volumeDefinitionDigest(model, key) },
    driver,
    driverOptions: driver_opts ?? {},
  })
}

/** All that makes a network what it is. The name is not part of it: another name is another network. */
export const networkDefinitionDigest = (model: Model, key: string): string => {
  const { name: _, ...definition } = model.networks?.[key] ?? {}
  return digestOf(withoutExtensions(definition))
}

/** Labels are no part of it: no volume with data is to stand in the way of a deployment for a label. */
export const volumeDefinitionDigest = (model: Model, key: string): string => {
  const { name: _, labels: __, ...definition } = model.volumes?.[key] ?? {}
  return digestOf(withoutExtensions(definition))
}

const withoutExtensions = (definition: object) =>
  Object.fromEntries(Object.entries(definition).filter(([key]) => !key.startsWith('x-')))

export const translateAttachment = (
  input: {
    readonly owner: Owner
    readonly app: string
    readonly model: Model
    readonly name: string
    readonly service: Service
    readonly number: number
  },
  key: string,
): AttachmentSpec => {
  const { owner, app, model, name, service, number } = input
  const attachment = service.networks?.[key] ?? {}
  return defined({
    network: networkName(owner, app, model, key),
    aliases: networkAliases(owner, app, model, { name, service, number, key }),
    ipv4Address: attachment.ipv4_address,
    ipv6Address: attachment.ipv6_address,
    linkLocalIps: attachment.link_local_ips,
    macAddress: attachment.mac_address,
    driverOptions: attachment.driver_opts,
  })
}
