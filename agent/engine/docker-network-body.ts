/** Specs of networks, volumes and attachments to what the Docker Engine API takes. */
import type { EndpointSettings, NetworkCreateOptions, VolumeCreateOptions } from 'dockerode'
import { defined } from '../../src/defined.ts'
import type { AttachmentSpec, NetworkSpec, VolumeSpec } from '../translate/network-spec.ts'

export const networkBody = (name: string, spec: NetworkSpec): NetworkCreateOptions => ({
  Name: name,
  CheckDuplicate: true,
  Labels: { ...spec.labels },
  ...(spec.driver === undefined ? {} : { Driver: spec.driver }),
  Options: { ...spec.driverOptions },
  Internal: spec.isInternal,
  ...(spec.hasIpv4 ? {} : { EnableIPv4: false }),
  EnableIPv6: spec.hasIpv6,
  ...(spec.ipam === undefined
    ? {}
    : {
        IPAM: {
          Driver: spec.ipam.driver ?? 'default',
          Options: { ...spec.ipam.options },
          Config: spec.ipam.pools.map(({ subnet, ipRange, gateway, auxAddresses }) =>
            defined({
              Subnet: subnet,
              IPRange: ipRange,
              Gateway: gateway,
              AuxiliaryAddresses: auxAddresses && { ...auxAddresses },
            }),
          ),
        },
      }),
})

export const volumeBody = (name: string, spec: VolumeSpec): VolumeCreateOptions => ({
  Name: name,
  Labels: { ...spec.labels },
  ...(spec.driver === undefined ? {} : { Driver: spec.driver }),
  DriverOpts: { ...spec.driverOptions },
})

export const endpointBody = (spec: AttachmentSpec): EndpointSettings => {
  const addresses = defined({
    IPv4Address: spec.ipv4Address,
    IPv6Address: spec.ipv6Address,
    LinkLocalIPs: spec.linkLocalIps && [...spec.linkLocalIps],
  })
  return {
    Aliases: [...spec.aliases],
    ...(Object.keys(addresses).length === 0 ? {} : { IPAMConfig: addresses }),
    ...(spec.macAddress === undefined ? {} : { MacAddress: spec.macAddress }),
    ...(spec.driverOptions === undefined ? {} : { DriverOpts: { ...spec.driverOptions } }),
  }
}
