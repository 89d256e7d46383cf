/** What must hold between networks, volumes and the services that use them. Pure; by the command and by the agent. */
import type { Fault } from './check.ts'
import { type Model, replicasOf } from './model.ts'
import type { Network } from './model-networks.ts'
import { isInSubnet } from './subnet.ts'

export const networkFaults = (model: Model): Fault[] => [
  ...definitionFaults('networks', model.networks ?? {}),
  ...definitionFaults('volumes', model.volumes ?? {}),
  ...Object.entries(model.networks ?? {}).flatMap(([key, network]) => builtInFaults(key, network)),
  ...addressFaults(model),
]

const definitionFaults = (
  section: 'networks' | 'volumes',
  definitions: Readonly<Record<string, { readonly external?: true | undefined }>>,
): Fault[] =>
  Object.entries(definitions).flatMap(([name, definition]) =>
    definition.external === undefined
      ? []
      : Object.keys(definition)
          .filter((key) => key !== 'external' && key !== 'name' && !key.startsWith('x-'))
          .map((key) => ({
            code: 'value-invalid' as const,
            path: [section, name, key],
            message: `${key} does not go with external: whoever made it decided that`,
          })),
  )

/** Networks that an engine brings along take no aliases and no addresses. */
const builtInFaults = (key: string, { name = key, external }: Network): Fault[] =>
  external === true && ['bridge', 'host', 'none'].includes(name)
    ? [
        {
          code: 'value-invalid',
          path: ['networks', key],
          message: `network ${name} is the engine's own: write network_mode: ${name} at the service`,
        },
      ]
    : []

const addressFaults = (model: Model): Fault[] => {
  const owners = new Map<string, string>()
  return Object.entries(model.services).flatMap(([service, keys]) =>
    Object.entries(keys.networks ?? {}).flatMap(([network, attachment]) =>
      (['ipv4_address', 'ipv6_address', 'mac_address'] as const).flatMap((key): Fault[] => {
        const address = attachment[key]
        if (address === undefined) return []
        const fault = (message: string): Fault => ({
          code: 'value-invalid',
          path: ['services', service, 'networks', network, key],
          message: `service ${service} ${message}`,
        })
        const owner = owners.get(`${network} ${address}`)
        owners.set(`${network} ${address}`, service)
        if (owner !== undefined && owner !== service)
          return [fault(`has the address ${address} on network ${network}, and so has ${owner}`)]
        if (replicasOf(keys) > 1)
          return [fault(`asks for ${replicasOf(keys)} containers, and only one can have the address ${address}`)]
        const definition = model.networks?.[network] ?? {}
        return key === 'mac_address' || definition.external === true || isWithin(definition, address)
          ? []
          : [fault(`has the address ${address}, and network ${network} defines no subnet that holds it`)]
      }),
    ),
  )
}

const isWithin = ({ ipam }: Network, address: string): boolean =>
  (ipam?.config ?? []).some(({ subnet }) => subnet !== undefined && isInSubnet(address, subnet))
