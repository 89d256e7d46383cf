/** May a deployment have this device of the machine? Nodes by path, names of CDI, and rules of the device cgroup. Pure. */
import type { Reason } from '../../src/protocol/reason.ts'
import type { Refused } from './judge-host-path.ts'
import { covers, liesUnder, plainPath } from './patterns.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/** @param source a path, or a name of the Container Device Interface; of a folder, the engine gives every device in it */
export const deviceFault = (source: string, inForce: PolicyInForce): Refused | undefined => {
  if (!source.startsWith('/')) return nodeFault(source, inForce)
  if (source.split('/').includes('..'))
    return { asks: `asks for device ${source}, which has .. in it`, allow: 'a path without ..' }
  const written = plainPath(source)
  const resolved = inForce.resolve(written)
  if (resolved === undefined)
    return { asks: `asks for device ${written}, whose links cannot be followed`, allow: 'a path that can be followed' }
  const fault = nodeFault(written, inForce)
  if (fault !== undefined || resolved === written) return fault
  const behind = nodeFault(resolved, inForce)
  return behind && { ...behind, asks: `${behind.asks}, where ${written} leads` }
}

/** Of a node that hardware was found at. */
export const deviceRefusal = (path: string, inForce: PolicyInForce): Reason | undefined => {
  const fault = deviceFault(path, inForce)
  const message = fault && `the policy of this device does not allow ${path}; it would need ${fault.allow}`
  return message === undefined ? undefined : { code: 'policy-refused', message }
}

/** Of the rule for a whole major number that a device needs to follow into a running container. */
export const followRefusal = (rule: string, inForce: PolicyInForce): Reason | undefined => {
  const fault = deviceRuleFault(rule, inForce)
  if (fault === undefined) return undefined
  const message = `to follow into a running container it needs the device rule ${rule}, which the policy of this device does not allow: write onReplug: restart`
  return { code: 'policy-refused', message }
}

const nodeFault = (device: string, { policy }: PolicyInForce): Refused | undefined => {
  const asks = `asks for device ${device}`
  const refused = policy.refusedDevices.find((one) => covers(one, device) || liesUnder(one, device))
  if (refused !== undefined) return { asks, allow: `refusedDevices without ${refused}` }
  return policy.devices.some((one) => covers(one, device)) ? undefined : { asks, allow: `devices: [${device}]` }
}

/** @param rule as in the model: `c 188:* rwm` */
export const deviceRuleFault = (rule: string, { policy }: PolicyInForce): Refused | undefined => {
  const asked = parseRule(rule)
  const asks = `has the device rule ${rule}`
  const refused = policy.refusedDeviceRules.find((one) => overlaps(asked, parseRule(one)))
  if (refused !== undefined)
    return { asks: `${asks}, which lets ${refused} through`, allow: `refusedDeviceRules without it` }
  if (policy.deviceRules.some((one) => includes(parseRule(one), asked))) return undefined
  return { asks, allow: `deviceRules: [${rule.replace(/ [rwm]+$/, '')}]` }
}

type Rule = { readonly type: string; readonly major: number | '*'; readonly minor: number | '*' }

const parseRule = (text: string): Rule => {
  const [, type = 'a', major = '*', minor = '*'] = /^([abc]) (\d+|\*):(\d+|\*)/.exec(text) ?? []
  return { type, major: numberOf(major), minor: numberOf(minor) }
}

const numberOf = (text: string): number | '*' => (text === '*' ? '*' : Number(text))

/** An engine reads `a` as every device there is, whatever numbers stand behind it. */
const overlaps = (one: Rule, other: Rule): boolean => {
  if (one.type === 'a' || other.type === 'a') return true
  const meet = (a: number | '*', b: number | '*'): boolean => a === '*' || b === '*' || a === b
  return one.type === other.type && meet(one.major, other.major) && meet(one.minor, other.minor)
}

const includes = (wide: Rule, narrow: Rule): boolean => {
  const holds = (a: number | '*', b: number | '*'): boolean => a === '*' || a === b
  return wide.type === narrow.type && holds(wide.major, narrow.major) && holds(wide.minor, narrow.minor)
}
