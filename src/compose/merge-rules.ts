/**
 * Where merging differs from "maps are merged, lists are appended, all else is replaced": the table of the Compose
 * specification, "Merge and override", with what docker compose adds to it.
 */
import { posix } from 'node:path'
import { type Authored, entryOf, type Path } from './authored.ts'

/** What makes two items of a list the same one; undefined: nothing does. */
export type KeyOf = (item: Authored) => string | undefined

export type MergeRule =
  /** The later value stands alone, even if it is null. */
  | { readonly kind: 'replace' }
  /** `[NAME=value]` and `{NAME: value}`, by name. */
  | { readonly kind: 'pairs' }
  /** `[name]` and `{name: {…}}`, by name, with what a bare name stands for. */
  | { readonly kind: 'names'; readonly bare: 'nothing' | 'started' }
  /** A list, or one text for a list of one. A later item takes the place of the one with its key. */
  | { readonly kind: 'list'; readonly keyOf: KeyOf }
  /** `[HOST=ADDRESS]` and `{HOST: address or list}`; a host may have several addresses. */
  | { readonly kind: 'hosts' }
  /** Options are merged only if the driver is the same. */
  | { readonly kind: 'logging' }
  /** The later list, each pool over the earlier one of its subnet. */
  | { readonly kind: 'pools' }

/** The rule for what stands at this path; undefined: the usual one. */
export const mergeRuleAt = (path: Path): MergeRule | undefined => {
  const [section, , key, inner, deepest, ...rest] = path
  if (path.length < 3 || rest.length > 0) return undefined
  const names = [[key], [key, inner], [key, '*'], [key, inner, deepest], [key, '*', deepest]]
  for (const steps of names) {
    const length = path.length - 2
    if (steps.length !== length) continue
    const pattern = [section, ...steps].join(' ')
    if (Object.hasOwn(rules, pattern)) return rules[pattern]
  }
  return undefined
}

const textOf = (item: Authored | undefined): string | undefined =>
  item?.kind === 'scalar' && item.value !== null ? item.text : undefined

const textAt = (item: Authored, key: string): string | undefined => textOf(entryOf(item, key)?.value)

const byText: KeyOf = textOf

const cleanPath = (path: string): string => posix.normalize(path).replace(/(.)\/+$/, '$1')

const cleaned = (path: string | undefined): string | undefined => (path === undefined ? undefined : cleanPath(path))

/** `SOURCE:TARGET:…`, or a target alone. */
const byTarget: KeyOf = (item) => {
  if (item.kind === 'map') return cleaned(textAt(item, 'target'))
  const [first, second] = textOf(item)?.split(':') ?? []
  return cleaned(second ?? first)
}

/** `/run` and `/run:size=8m` are one place. */
const byFirstPart: KeyOf = (item) => cleaned(textOf(item)?.split(':')[0])

const byPath: KeyOf = (item) => textAt(item, 'path') ?? textOf(item)

const mountedUnder =
  (folder: string): KeyOf =>
  (item) => {
    const target = textAt(item, 'target') ?? textAt(item, 'source') ?? textOf(item)
    return target === undefined ? undefined : posix.resolve(folder, target)
  }

const shortPort = /^(?:(?:\[([^\]]*)\]|([0-9.]*)):)?(?:([\d-]*):)?([\d-]+)(?:\/([A-Za-z]+))?$/

/** Address, published port, target and protocol; the long form and the short one of the same port are one. */
const byPort: KeyOf = (item) => {
  if (item.kind === 'map') {
    const target = textAt(item, 'target')
    if (target === undefined) return undefined
    return portKey(textAt(item, 'host_ip'), textAt(item, 'published'), target, textAt(item, 'protocol'))
  }
  const text = textOf(item)
  const match = text === undefined ? null : shortPort.exec(text)
  if (match === null) return text
  const [, ipv6, first, third, target = '', protocol] = match
  const isAddress = third !== undefined || first?.includes('.') === true
  return portKey(ipv6 ?? (isAddress ? first : undefined), third ?? (isAddress ? undefined : first), target, protocol)
}

const portKey = (host = '', published = '', target: string, protocol = 'tcp'): string =>
  `${host === '' ? '0.0.0.0' : host} ${published} ${target} ${protocol.toLowerCase()}`

const replace = { kind: 'replace' } as const
const pairs = { kind: 'pairs' } as const
const list = (keyOf: KeyOf) => ({ kind: 'list', keyOf }) as const

/** By section and key; what stands between them, a name of somebody's own, is left out. */
const rules: Readonly<Record<string, MergeRule>> = {
  'x-longshore window': replace,
  'services command': replace,
  'services entrypoint': replace,
  'services healthcheck test': replace,
  'services build': replace,
  'services ulimits *': replace,
  'services logging': { kind: 'logging' },
  'services depends_on': { kind: 'names', bare: 'started' },
  'services networks': { kind: 'names', bare: 'nothing' },
  'services models': { kind: 'names', bare: 'nothing' },
  'services environment': pairs,
  'services labels': pairs,
  'services annotations': pairs,
  'services sysctls': pairs,
  'services deploy labels': pairs,
  'services extra_hosts': { kind: 'hosts' },
  'services ports': list(byPort),
  'services expose': list(byText),
  'services volumes': list(byTarget),
  'services devices': list(byTarget),
  'services x-longshore devices': list(byTarget),
  'services tmpfs': list(byFirstPart),
  'services configs': list(mountedUnder('/')),
  'services secrets': list(mountedUnder('/run/secrets')),
  'services env_file': list(byPath),
  'services label_file': list(byText),
  'services dns': list(byText),
  'services dns_search': list(byText),
  'services dns_opt': list(byText),
  'services cap_add': list(byText),
  'services cap_drop': list(byText),
  'services security_opt': list(byText),
  'services group_add': list(byText),
  'services device_cgroup_rules': list(byText),
  'services links': list(byText),
  'services external_links': list(byText),
  'services volumes_from': list(byText),
  'services profiles': list(byText),
  'services networks * aliases': list(byText),
  'services networks * link_local_ips': list(byText),
  'services deploy placement constraints': list(byText),
  'networks labels': pairs,
  'networks ipam config': { kind: 'pools' },
  'volumes labels': pairs,
  'configs labels': pairs,
  'secrets labels': pairs,
}
