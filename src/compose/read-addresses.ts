/** Addresses, subnets and hardware addresses, each in its one spelling. */
import { isIPv4, isIPv6 } from 'node:net'
import type { Reader } from './context.ts'
import { hardwareAddressSchema, subnetSchema } from './model-networks.ts'
import { readAsWritten, wrongType } from './read-values.ts'

const readWhere =
  (isRight: (text: string) => boolean, wanted: string): Reader<string> =>
  (node, context) => {
    const text = readAsWritten(node, context)?.toLowerCase()
    return text === undefined || isRight(text) ? text : wrongType(node, context, wanted)
  }

/** A zone (`%eth0`) has a meaning on one machine only. */
const isPlainIpv6 = (text: string): boolean => isIPv6(text) && !text.includes('%')

export const readIpv4 = readWhere(isIPv4, 'an IPv4 address such as 10.1.0.5')
export const readIpv6 = readWhere(isPlainIpv6, 'an IPv6 address such as fd00::5')
export const readAddress = readWhere((text) => isIPv4(text) || isPlainIpv6(text), 'an IP address')
export const readSubnet = readWhere(
  (text) => subnetSchema.safeParse(text).success,
  'a subnet such as 10.1.0.0/24 or fd00::/64',
)

export const readHardwareAddress: Reader<string> = (node, context) => {
  const text = readAsWritten(node, context)?.toLowerCase().replaceAll('-', ':')
  return text === undefined || hardwareAddressSchema.safeParse(text).success
    ? text
    : wrongType(node, context, 'a hardware address in quotes, such as "02:42:ac:11:00:02"')
}
