/** Whether an address is in a subnet. Both are well-formed already: the schema sees to it. Pure. */

export const isInSubnet = (address: string, subnet: string): boolean => {
  const [base = '', length = ''] = subnet.split('/')
  if (isIpv6(address) !== isIpv6(base)) return false
  const ignoredBits = BigInt((isIpv6(address) ? 128 : 32) - Number(length))
  return numberOf(address) >> ignoredBits === numberOf(base) >> ignoredBits
}

const isIpv6 = (address: string): boolean => address.includes(':')

const numberOf = (address: string): bigint =>
  isIpv6(address) ? joined(groupsOf(address), 16n) : joined(address.split('.').map(Number), 8n)

const joined = (parts: readonly number[], bits: bigint): bigint =>
  parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n)

/** Eight groups: `::` stands for those that are missing, and the last two may be written as IPv4. */
const groupsOf = (address: string): number[] => {
  const [head = [], tail] = address.split('::').map(groupsIn)
  if (tail === undefined) return head
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
}

const groupsIn = (text: string): number[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => {
        if (!group.includes('.')) return [Number.parseInt(group, 16)]
        const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
        return [(a << 8) | b, (c << 8) | d]
      })
