/** `ports` and `expose`: short forms and long ones, ranges written out, in the order of their numbers. */
import { isIPv4, isIPv6 } from 'node:net'
import { type Authored, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Port } from './model.ts'
import { ignored, readShape } from './read-shape.ts'
import { readAsWritten, readInteger, readOneOf, wrongType } from './read-values.ts'

/** More than a payload could carry is a slip of the keyboard. */
const mostPorts = 1000

export const readPorts: Reader<Port[]> = (node, context) => {
  if (node.kind !== 'list') return wrongType(node, context, 'a list of ports')
  const ports: Port[] = []
  for (const item of node.items) {
    for (const port of (item.kind === 'map' ? readLongPort : readShortPort)(item, context) ?? []) {
      context.origins.set(port, item)
      ports.push(port)
    }
    if (ports.length > mostPorts)
      return context.fault(node, 'value-invalid', `there are more than ${mostPorts} ports`, 'use network_mode: host')
  }
  return ports.length === 0 ? undefined : withoutRepeats(ports)
}

const shortForm = '[HOST_IP:][HOST_PORT:]PORT[/PROTOCOL], as in "8080:80"'
const shortPattern = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(?:(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/([A-Za-z]+))?$/

/** `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `[::1]::80`, `3000-3005:3000-3005`. */
const readShortPort: Reader<Port[]> = (node, context) => {
  const text = readAsWritten(node, context)
  if (text === undefined) return undefined
  const bad = (message: string, remedy = `write it as ${shortForm}`) =>
    context.fault(node, 'value-invalid', `port ${quote(text)} ${message}`, remedy)
  const match = shortPattern.exec(text)
  if (match === null) return bad('does not parse')
  const [, ipv6, ipv4OrPort, third, targetText = '', protocolText = 'tcp'] = match
  // With one colon the pattern takes what is before it for an address.
  const isPort =
    ipv6 === undefined && third === undefined && /^(\d+(-\d+)?)?$/.test(ipv4OrPort ?? '') && !/:.*:/.test(text)
  const hostIp = ipv6 ?? (isPort ? undefined : ipv4OrPort)
  const publishedText = isPort ? ipv4OrPort : third
  if (ipv6 !== undefined && !isIPv6(ipv6)) return bad(`has no IPv6 address in its brackets`)
  if (ipv6 === undefined && hostIp !== undefined && !isIPv4(hostIp)) return bad(`has no IP address before its ports`)
  const protocol = protocolOf(protocolText)
  if (protocol === undefined) return bad(`has the protocol ${protocolText}`, 'use tcp, udp or sctp')
  const target = rangeOf(targetText, 1)
  const published = publishedText ? rangeOf(publishedText, 0) : undefined
  if (target === undefined || (publishedText && published === undefined)) return bad('is not within 1 to 65535')
  return pairUp({ node, context, target, published, rest: { protocol, ...(hostIp ? { host_ip: hostIp } : {}) } })
}

const readLongPort: Reader<Port[]> = (node, context) => {
  const shape = readLongShape(node, context)
  if (shape === undefined) return undefined
  const {
    target,
    published,
    host_ip,
    protocol = 'tcp',
    ...extensions
  } = shape as {
    target?: number
    published?: Range
    host_ip?: string
    protocol?: Port['protocol']
  }
  if (target === undefined) {
    if (node.kind === 'map' && node.entries.some(({ key }) => key === 'target')) return undefined
    return context.fault(node, 'value-invalid', 'a port has no target', 'write target: the port in the container')
  }
  const rest = { protocol, ...(host_ip === undefined ? {} : { host_ip }), ...extensions }
  return pairUp({ node, context, target: { from: target, to: target }, published, rest })
}

const readLongShape: Reader<Record<string, unknown>> = (node, context) => readLong(node, context)

type Range = { readonly from: number; readonly to: number }

const readPublished: Reader<Range> = (node, context) => {
  const text = readAsWritten(node, context)
  if (text === undefined || text === '') return undefined
  return rangeOf(text, 0) ?? wrongType(node, context, 'a port between 1 and 65535')
}

const readHostIp: Reader<string> = (node, context) => {
  const text = readAsWritten(node, context)
  if (text === undefined || text === '') return undefined
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return isIPv4(bare) || isIPv6(bare) ? bare : wrongType(node, context, 'an IP address')
}

const readLong = readShape('port', {
  target: readInteger(1, 65_535),
  published: readPublished,
  protocol: (node, context) => {
    const protocol = node.kind === 'scalar' ? protocolOf(node.text) : undefined
    return protocol ?? readOneOf('tcp', 'udp', 'sctp')(node, context)
  },
  host_ip: readHostIp,
  mode: ignored('has a meaning in Swarm only and is ignored'),
  name: ignored('is for people and ignored'),
  app_protocol: ignored('means nothing to an engine and is ignored'),
})

const protocolOf = (text: string): Port['protocol'] | undefined =>
  (['tcp', 'udp', 'sctp'] as const).find((protocol) => protocol === text.toLowerCase())

const rangeOf = (text: string, least: number): Range | undefined => {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  return from >= least && from <= to && to <= 65_535 ? { from, to } : undefined
}

/**
 * Port by port; a range of host ports for one target is one of them, which the engine takes. A published 0 and no published port both mean one that
 * the engine chooses.
 */
const pairUp = (pairing: {
  node: Authored
  context: Context
  target: Range
  published: Range | undefined
  rest: Omit<Port, 'target' | 'published'>
}): Port[] | undefined => {
  const { node, context, target, published, rest } = pairing
  const count = target.to - target.from + 1
  if (published !== undefined && count === 1 && published.to > published.from && published.from > 0)
    return [{ target: target.from, published: `${published.from}-${published.to}`, ...rest } as Port]
  if (published !== undefined && published.to - published.from + 1 !== count)
    return context.fault(
      node,
      'value-invalid',
      `a range of ${published.to - published.from + 1} host ports cannot stand for ${count} container port${count > 1 ? 's' : ''}`,
      'give both sides the same number of ports, or one container port a range of host ports',
    )
  return Array.from({ length: Math.min(count, mostPorts + 1) }, (_, index) => ({
    target: target.from + index,
    ...(published === undefined || published.to === 0 ? {} : { published: published.from + index }),
    ...rest,
  })) as Port[]
}

/** Sorted, and what was written twice kept once; two different entries for one host port are for the check. */
const withoutRepeats = (ports: readonly Port[]): Port[] => {
  const byText = new Map(ports.map((port) => [portText(port), port]))
  return [...byText].sort(([, a], [, b]) => comparePorts(a, b)).map(([, port]) => port)
}

const portText = (port: Port): string => JSON.stringify(Object.entries(port).sort(([a], [b]) => (a < b ? -1 : 1)))

const comparePorts = (a: Port, b: Port): number =>
  a.target - b.target || firstHostPort(a) - firstHostPort(b) || (portText(a) < portText(b) ? -1 : 1)

const firstHostPort = ({ published }: Port): number => Number.parseInt(String(published ?? -1), 10)

/** `3000`, `3000-3005`, `53/udp`. */
export const readExposed: Reader<string> = (node, context) => {
  const text = readAsWritten(node, context)
  if (text === undefined) return undefined
  const [, range = '', protocolText = 'tcp'] = /^(\d+(?:-\d+)?)(?:\/([A-Za-z]+))?$/.exec(text) ?? []
  const parsed = rangeOf(range, 1)
  const protocol = protocolOf(protocolText)
  if (parsed === undefined || protocol === undefined) return wrongType(node, context, 'a port such as 3000 or 53/udp')
  const ports = parsed.from === parsed.to ? `${parsed.from}` : `${parsed.from}-${parsed.to}`
  return protocol === 'tcp' ? ports : `${ports}/${protocol}`
}
