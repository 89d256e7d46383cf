/** `networks` and `volumes` at top level: what is made on the device, or must be there already. */
import { type Authored, isNull } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Model } from './model.ts'
import type { Network, Volume } from './model-networks.ts'
import { readAddress, readSubnet } from './read-addresses.ts'
import { ignored, orNothing, readShape } from './read-shape.ts'
import {
  readAsWritten,
  readBoolean,
  readEntries,
  readFilledText,
  readLabels,
  readList,
  readSwitch,
  readText,
} from './read-values.ts'

/** A faulty definition still counts as defined, so that its users are not faulted too. */
export const readNetworkDefinitions: Reader<NonNullable<Model['networks']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value) => (isNull(value) ? {} : (readNetwork(value, context) ?? {})))
}

export const readVolumeDefinitions: Reader<NonNullable<Model['volumes']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value) => (isNull(value) ? {} : (readVolume(value, context) ?? {})))
}

const readNetwork: Reader<Network> = (node, context) => withExternal('network', node, context, readNetworkKeys)
const readVolume: Reader<Volume> = (node, context) => withExternal('volume', node, context, readVolumeKeys)

/** `external: true`, and the old `external: {name: …}`. */
const withExternal = (
  kind: 'network' | 'volume',
  node: Authored,
  context: Context,
  readKeys: Reader<Record<string, unknown>>,
): Record<string, unknown> | undefined => {
  const shape = readKeys(node, context)
  if (shape === undefined) return undefined
  const { external, ...rest } = shape as { external?: External; name?: string }
  if (external === undefined) return rest
  if (rest.name !== undefined && external.name !== undefined && rest.name !== external.name)
    context.fault(node, 'value-invalid', `the ${kind} has two names`, 'write external: true, and name: beside it')
  const name = rest.name ?? external.name
  return { ...rest, ...(name === undefined ? {} : { name }), external: true }
}

type External = { readonly name?: string }

const readExternal: Reader<External> = (node, context) => {
  if (node.kind !== 'map') return readBoolean(node, context) ? {} : undefined
  const names = readEntries(node, context, (value, _, { key, keyPlace }) =>
    key === 'name'
      ? readFilledText(value, context)
      : context.fault({ path: value.path, place: keyPlace }, 'key-unknown', `external has no ${key}`, 'write name'),
  )
  return names ?? {}
}

/** Options of a driver: texts, and numbers and booleans as they were written. */
export const readOptions: Reader<Record<string, string>> = (node, context) => {
  if (isNull(node)) return undefined
  const options = readEntries(node, context, (value, _, { key, keyPlace }) => {
    if (key === '')
      return context.fault({ path: value.path, place: keyPlace }, 'value-invalid', 'an option has no name', 'write one')
    return isNull(value) ? '' : readAsWritten(value, context)
  })
  return options === undefined || Object.keys(options).length === 0 ? undefined : options
}

const readPool = readShape('pool', {
  subnet: readSubnet,
  ip_range: readSubnet,
  gateway: readAddress,
  aux_addresses: (node, context) => {
    const addresses = readEntries(node, context, (value) => readAddress(value, context))
    return addresses === undefined || Object.keys(addresses).length === 0 ? undefined : addresses
  },
})

/** In the order of their subnets, which is all that tells them apart. */
const readPools: Reader<Record<string, unknown>[]> = (node, context) => {
  if (isNull(node)) return undefined
  const pools = readList(orNothing(readPool))(node, context)
  if (pools === undefined || pools.length === 0) return undefined
  const key = ({ subnet }: Record<string, unknown>): string => String(subnet ?? '')
  return pools.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

const readNetworkKeys = readShape('network', {
  name: readText,
  labels: readLabels,
  attachable: ignored('has a meaning in Swarm only and is ignored'),
  driver: readFilledText,
  driver_opts: readOptions,
  internal: readSwitch,
  enable_ipv4: (node, context) => (readBoolean(node, context) === false ? false : undefined),
  enable_ipv6: readSwitch,
  external: readExternal,
  ipam: (node, context) =>
    isNull(node)
      ? undefined
      : orNothing(readShape('ipam', { driver: readFilledText, config: readPools, options: readOptions }))(
          node,
          context,
        ),
})

const readVolumeKeys = readShape('volume', {
  name: readText,
  labels: readLabels,
  driver: readFilledText,
  driver_opts: readOptions,
  external: readExternal,
})
