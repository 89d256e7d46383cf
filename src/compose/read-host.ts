/** What a service shares with the device, and its place in the network: modes, names, addresses. */
import { isIP } from 'node:net'
import { type Authored, isNull, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { hostsAsItems } from './merge-forms.ts'
import { extraHostPattern } from './model-host.ts'
import { readAsWritten, readFilledText, readList, readPairs, wrongType } from './read-values.ts'

/** A list, or one text, whose order means something; each once. */
export const readInOrder =
  (readItem: Reader<string>): Reader<string[]> =>
  (node, context) => {
    const one = node.kind === 'list' ? undefined : readItem(node, context)
    const items = node.kind === 'list' ? readList(readItem)(node, context) : one === undefined ? undefined : [one]
    return items === undefined || items.length === 0 ? undefined : [...new Set(items)]
  }

export const readAddress: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  return text === undefined || isIP(text) !== 0 ? text : wrongType(node, context, 'an IP address')
}

/** `[HOST=ADDRESS]`, `[HOST:ADDRESS]` or `{HOST: ADDRESS}`; the hosts in their order, several addresses of one as written. */
export const readExtraHosts: Reader<string[]> = (node, context) => {
  const items = hostsAsItems(node)
  if (items === undefined || (node.kind !== 'map' && node.kind !== 'list'))
    return wrongType(node, context, 'a list of HOST=ADDRESS, or a map')
  const hosts = items.flatMap((item) => readExtraHost(item, context) ?? [])
  const nameOf = (entry: string): string => entry.slice(0, entry.indexOf('='))
  const sorted = [...new Set(hosts)].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))
  return sorted.length === 0 ? undefined : sorted
}

const readExtraHost = (node: Authored, context: Context): string | undefined => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const [, host = '', written = ''] = /^([^=:\s]+)[=:](.*)$/.exec(text) ?? []
  const address = written.trim().replace(/^\[(.*)\]$/, '$1')
  const entry = `${host}=${address}`
  if ((isIP(address) !== 0 || address === 'host-gateway') && extraHostPattern.test(entry)) return entry
  return context.fault(
    node,
    'value-invalid',
    `${quote(text)} is not HOST=ADDRESS`,
    'write HOST=ADDRESS with an IP address, or with host-gateway for the device itself',
  )
}

export const readMacAddress: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)?.toLowerCase().replaceAll('-', ':')
  if (text === undefined || /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text)) return text
  return wrongType(node, context, 'a MAC address such as 02:42:ac:11:65:43')
}

/** Docker knows `host` alone, Podman some with options. */
export const readUserns: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined || /^(host|private|(auto|keep-id|nomap)(:\S+)?)$/.test(text)) return text
  return wrongType(node, context, 'host, or one of keep-id, auto and nomap of Podman')
}

export const readPlatform: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
    ?.toLowerCase()
    .replace(/\/(x86_64|x86-64)$/, '/amd64')
    .replace(/\/aarch64$/, '/arm64')
  if (text === undefined || /^[a-z0-9_]+\/[a-z0-9_]+(\/[a-z0-9_.]+)?$/.test(text)) return text
  return wrongType(node, context, 'a platform such as linux/arm64')
}

/** Names with values that an engine takes as texts. A name alone means nothing here. */
export const readSettings: Reader<Record<string, string>> = (node, context) => {
  const pairs = readPairs(node, context)
  if (pairs === undefined || pairs.size === 0) return undefined
  for (const [name, value] of pairs)
    if (value === null) return wrongType(node, context, 'a map of names with values', `write a value for ${name}`)
  return Object.fromEntries(pairs) as Record<string, string>
}

/** A number or a name, of a group. */
export const readGroup: Reader<string> = (node, context) => {
  const text = isNull(node) ? undefined : readAsWritten(node, context)
  return text === undefined || text === '' ? wrongType(node, context, 'a group') : text
}
