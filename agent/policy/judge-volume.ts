/** A volume whose driver mounts something of the device is a mount of the device by another name. Pure. */
import type { Volume } from '../../src/compose/model-networks.ts'
import { deviceFault } from './judge-device.ts'
import { hostPathFault, type Refused } from './judge-host-path.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/** With the key of `driver_opts` that is at fault. */
export type VolumeFault = Refused & { readonly key: string }

export const volumeFault = ({ driver = 'local', driver_opts: options = {} }: Volume, inForce: PolicyInForce) =>
  driver === 'local' ? localFault(options, inForce) : pluginFault(options, inForce)

type Options = Readonly<Record<string, string>>

/** The driver hands these to mount(2): `device`, `type`, and `o`, where bind or rbind make the type mean nothing. */
const localFault = (options: Options, inForce: PolicyInForce): VolumeFault | undefined => {
  const option = (name: string): string => options[name] ?? ''
  const flags = option('o').split(',')
  const type = option('type').toLowerCase()
  const device = option('device')
  if (device === '' && type === '' && option('o') === '') return undefined
  const isBind = flags.includes('bind') || flags.includes('rbind')
  if (isBind || type === '' || type === 'none' || type === 'bind')
    return at('device', hostPathFault(device, flags.includes('ro'), inForce))
  if (!inForce.policy.volumeTypes.includes(type))
    return { key: 'type', asks: `mounts a file system of type ${type}`, allow: `volumeTypes: [${type}]` }
  if (!device.startsWith('/') || device.startsWith('//')) return undefined
  return at('device', deviceFault(device, inForce))
}

/** What a plugin makes of its options nobody here knows; a path in them is taken for one that it mounts. */
const pluginFault = (options: Options, inForce: PolicyInForce): VolumeFault | undefined => {
  for (const [key, value] of Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const fault = value.startsWith('/') ? hostPathFault(value, false, inForce) : undefined
    if (fault !== undefined) return { key, ...fault }
  }
  return undefined
}

const at = (key: string, fault: Refused | undefined): VolumeFault | undefined => fault && { key, ...fault }
