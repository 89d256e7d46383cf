/** `profiles`: which services are in the release. Those without any always are; the others if one of theirs is given. */
import { type At, type Authored, type Entry, entryOf, quote } from './authored.ts'
import type { Context } from './context.ts'
import { sectionOf, withoutKey, withValue } from './project-files.ts'
import { wrongType } from './read-values.ts'

/** Everything but the services that no given profile names. `*` stands for every profile. */
export const withActiveServices = (tree: Authored, given: readonly string[], context: Context): Authored => {
  const services = entryOf(tree, 'services')?.value
  if (services?.kind !== 'map') return tree
  const profilesOf = new Map(services.entries.map((entry) => [entry.key, readProfiles(entry.value, context)]))
  const isActive = ({ key }: Entry): boolean => {
    const own = profilesOf.get(key) ?? []
    return own.length === 0 || given.includes('*') || own.some((profile) => given.includes(profile))
  }
  noteUnknown(given, new Set([...profilesOf.values()].flat()), services, context)
  const active = services.entries.filter(isActive)
  const activeNames = new Set(active.map(({ key }) => key))
  const inactive = new Map([...profilesOf].filter(([name]) => !activeNames.has(name)))
  if (active.length === 0 && inactive.size > 0)
    context.fault(
      services,
      'value-invalid',
      'every service has profiles, and none of them is given',
      `give ${optionsFor([...inactive.values()].flat())}`,
    )
  for (const { key, value } of active) refuseMissing(key, value, inactive, context)
  const entries = active.map((entry) => ({ ...entry, value: withoutKey(entry.value, 'profiles') }))
  return withValue(tree, 'services', { ...services, entries })
}

const optionsFor = (profiles: readonly string[]): string =>
  [...new Set(profiles)]
    .sort()
    .map((profile) => `--profile ${profile}`)
    .join(' or ')

const readProfiles = (service: Authored, context: Context): string[] => {
  const node = entryOf(service, 'profiles')?.value
  if (node === undefined || node.tag === 'reset' || (node.kind === 'scalar' && node.value === null)) return []
  if (node.kind !== 'list') return wrongType(node, context, 'a list of names') ?? []
  return node.items.flatMap((item) => {
    if (item.kind === 'scalar' && item.value !== null && /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(item.text))
      return [item.text]
    return wrongType(item, context, 'the name of a profile: letters, digits, _ . and -') ?? []
  })
}

const noteUnknown = (given: readonly string[], known: ReadonlySet<string>, at: At, context: Context): void => {
  for (const profile of given)
    if (profile !== '*' && !known.has(profile)) context.note(at, `no service has the profile ${quote(profile)}`)
}

/** As Compose: a service that another needs is not made active by that. */
const refuseMissing = (
  name: string,
  service: Authored,
  inactive: ReadonlyMap<string, readonly string[]>,
  context: Context,
): void => {
  for (const { other, key, at } of referencesOf(service)) {
    const profiles = inactive.get(other)
    if (profiles === undefined) continue
    context.fault(
      { path: ['services', name, ...key], place: at.place },
      'reference-missing',
      `service ${name} needs service ${other}, which is not active: it has the ${profiles.length === 1 ? 'profile' : 'profiles'} ${profiles.join(', ')}`,
      `give ${optionsFor(profiles)}${key[0] === 'depends_on' ? ', or write required: false under depends_on' : ''}`,
    )
  }
}

type Reference = { readonly other: string; readonly key: readonly string[]; readonly at: At }

const referencesOf = (service: Authored): Reference[] => {
  const texts = (key: string): Authored[] => {
    const node = entryOf(service, key)?.value
    return node === undefined ? [] : node.kind === 'list' ? [...node.items] : [node]
  }
  const named = (key: string, pattern: RegExp): Reference[] =>
    texts(key).flatMap((at) => {
      const other = at.kind === 'scalar' ? pattern.exec(at.text)?.[1] : undefined
      return other === undefined ? [] : [{ other, key: [key], at }]
    })
  return [
    ...dependencies(service),
    ...['network_mode', 'ipc', 'pid'].flatMap((key) => named(key, /^service:(.+)$/)),
    ...named('volumes_from', /^(?!container:)([^:]+)/),
    ...named('links', /^([^:]+)/),
  ]
}

const dependencies = (service: Authored): Reference[] => {
  const node = entryOf(service, 'depends_on')?.value
  if (node?.kind === 'list')
    return node.items.flatMap((at) =>
      at.kind === 'scalar' ? [{ other: at.text, key: ['depends_on', at.text], at }] : [],
    )
  return sectionOf(service, 'depends_on').flatMap(({ key, keyPlace, value }) => {
    const required = entryOf(value, 'required')?.value
    const isOptional = required?.kind === 'scalar' && required.text === 'false'
    return isOptional ? [] : [{ other: key, key: ['depends_on', key], at: { path: value.path, place: keyPlace } }]
  })
}
