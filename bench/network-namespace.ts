/** A machine's own network within this one: its only way out is one interface, whose bytes are counted. Needs root. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type NetworkNamespace = {
  readonly name: string
  /** of this side */
  readonly address: string
  /** What passed on the interface in both directions, IP headers included, Ethernet's not. */
  readonly ipBytes: () => number
  readonly close: () => void
}

const ethernetHeadBytes = 14

/** undefined: it is not possible here. */
export const openNetworkNamespace = (): NetworkNamespace | undefined => {
  const name = `ls${process.pid}`
  const [inside, outside] = [`${name}i`, `${name}o`]
  const subnet = `10.214.${process.pid % 256}`
  const ip = (line: string): void => void execFileSync('ip', line.split(' '), { stdio: 'pipe' })
  const close = (): void => ip(`netns del ${name}`)
  try {
    ip(`netns add ${name}`)
  } catch {
    return undefined
  }
  try {
    ip(`link add ${outside} type veth peer name ${inside} netns ${name}`)
    // Without them nothing but the agent speaks on it: no neighbours are looked for, no router is.
    ip(`link set ${outside} addrgenmode none`)
    ip(`-n ${name} link set ${inside} addrgenmode none`)
    ip(`addr add ${subnet}.1/30 dev ${outside}`)
    ip(`-n ${name} addr add ${subnet}.2/30 dev ${inside}`)
    ip(`link set ${outside} up`)
    ip(`-n ${name} link set ${inside} up`)
    const macOf = (text: Buffer): string => (JSON.parse(String(text)) as { address: string }[])[0]?.address ?? ''
    const insideMac = macOf(execFileSync('ip', ['-j', '-n', name, 'link', 'show', inside]))
    const outsideMac = macOf(execFileSync('ip', ['-j', 'link', 'show', outside]))
    ip(`neigh replace ${subnet}.2 lladdr ${insideMac} nud permanent dev ${outside}`)
    ip(`-n ${name} neigh replace ${subnet}.1 lladdr ${outsideMac} nud permanent dev ${inside}`)
  } catch {
    close()
    return undefined
  }
  const count = (what: string): number => Number(readFileSync(`/sys/class/net/${outside}/statistics/${what}`, 'utf8'))
  return {
    name,
    address: `${subnet}.1`,
    ipBytes: () =>
      count('rx_bytes') + count('tx_bytes') - ethernetHeadBytes * (count('rx_packets') + count('tx_packets')),
    close,
  }
}
