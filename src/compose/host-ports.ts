/** Host ports that a service publishes, and when two of them cannot be had at once. Pure. */
import type { Port, Service } from './model.ts'

/** One port, or a range of which the engine takes a free one. */
export type HostPort = {
  readonly from: number
  readonly to: number
  readonly protocol: Port['protocol']
  readonly hostIp: string | undefined
}

export const isHostPortRange = (text: string): boolean => {
  const [from = 0, to = 0] = text.split('-').map(Number)
  return from >= 1 && from < to && to <= 65_535
}

/** undefined: the engine chooses among all that are free. */
export const hostPortOf = ({ published, protocol, host_ip }: Port): HostPort | undefined => {
  if (published === undefined || published === 0) return undefined
  const [from = 0, to = from] = String(published).split('-').map(Number)
  return { from, to, protocol, hostIp: host_ip }
}

export const hostPortsOf = (service: Service): HostPort[] =>
  (service.ports ?? []).map(hostPortOf).filter((port) => port !== undefined)

export const hostPortText = ({ from, to, protocol }: HostPort): string =>
  `${from === to ? from : `${from}-${to}`}/${protocol}`

/** Two ranges may overlap: each gets what the other left. A single port in a range may be the one that was taken. */
export const doClash = (a: HostPort, b: HostPort): boolean =>
  a.protocol === b.protocol &&
  a.from <= b.to &&
  b.from <= a.to &&
  (a.from === a.to || b.from === b.to) &&
  doOverlap(a.hostIp, b.hostIp)

/** A port without an address takes every address, 0.0.0.0 every one of IPv4, :: every one of IPv6. */
const doOverlap = (a: string | undefined, b: string | undefined): boolean => {
  if (a === undefined || b === undefined || a === b) return true
  const isSameFamily = a.includes(':') === b.includes(':')
  return isSameFamily && [a, b].some((address) => address === '0.0.0.0' || address === '::')
}
