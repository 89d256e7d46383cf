/**
 * `extends`: a service over another one of the same file or of another file. Networks, volumes and services that the
 * other one names do not come along, as the specification has it; what is missing then is a fault of the whole.
 */
import { type At, type Authored, type Entry, entryOf, isNull, quote } from './authored.ts'
import type { Context } from './context.ts'
import { mergeAuthored } from './merge.ts'
import { type ProjectFiles, sectionOf, withoutKey, withValue } from './project-files.ts'
import { wrongType } from './read-values.ts'
import { reportUnset } from './settle.ts'
import { suggest } from './suggest.ts'

type Home = { readonly path: string; readonly services: ReadonlyMap<string, Authored> }
type Target = { readonly service: string; readonly file: string | undefined; readonly at: Authored }
type Link = { readonly home: Home; readonly name: string }

/** Longer than any chain that people follow, and short enough for the stack. */
const longestChain = 100

/** Every service of the file whole, and no `extends` left. */
export const withExtends = (tree: Authored, path: string, files: ProjectFiles, context: Context): Authored => {
  const services = entryOf(tree, 'services')?.value
  if (services?.kind !== 'map' || !services.entries.some(({ value }) => entryOf(value, 'extends') !== undefined))
    return tree
  const homes = new Map<string, Home | undefined>([[path, homeAt(path, tree)]])
  const whole = new Map<string, Authored>()

  const homeOf = (file: string, at: At): Home | undefined => {
    if (!homes.has(file)) {
      const other = files.tree(file, at, 'the extended file')
      homes.set(file, other === undefined ? undefined : homeAt(file, other))
    }
    return homes.get(file)
  }

  const resolve = ({ home, name }: Link, node: Authored, trail: readonly Link[]): Authored => {
    const key = JSON.stringify([home.path, name])
    const known = whole.get(key)
    if (known !== undefined) return known
    const entry = extendsOf(node)
    const own = withoutKey(node, 'extends')
    const result = entry === undefined ? own : extended({ home, name }, own, entry.value, trail)
    whole.set(key, result)
    return result
  }

  const extended = (link: Link, own: Authored, written: Authored, trail: readonly Link[]): Authored => {
    const base = baseOf(link, written, trail)
    return base === undefined ? broken(own) : mergeAuthored(base, own, context, ['services', link.name])
  }

  const baseOf = (link: Link, written: Authored, trail: readonly Link[]): Authored | undefined => {
    const target = readTarget(written, context)
    if (target === undefined) return undefined
    const home = target.file === undefined ? link.home : homeOf(files.pathOf(target.file), target.at)
    if (home === undefined) return undefined
    const chain = [...trail, link]
    const next: Link = { home, name: target.service }
    const start = chain.findIndex((other) => other.home.path === home.path && other.name === next.name)
    if (start >= 0) return refuseCircle([...chain.slice(start), next], target.at, files, context)
    if (chain.length >= longestChain)
      return context.fault(
        target.at,
        'value-invalid',
        `services extend each other more than ${longestChain} deep`,
        'extend fewer services',
      )
    const found = home.services.get(target.service)
    if (found === undefined) return refuseMissing(target, home, files, context)
    return resolve(next, found, chain)
  }

  const home = homes.get(path) as Home
  const entries = services.entries.map((entry) => ({
    ...entry,
    value: entry.value.kind === 'map' ? resolve({ home, name: entry.key }, entry.value, []) : entry.value,
  }))
  return withValue(tree, 'services', { ...services, entries })
}

const homeAt = (path: string, tree: Authored): Home => ({
  path,
  services: new Map(sectionOf(tree, 'services').map(({ key, value }) => [key, value])),
})

/** Nothing and `!reset` extend nothing. */
const extendsOf = (node: Authored): Entry | undefined => {
  const entry = entryOf(node, 'extends')
  return entry === undefined || isNull(entry.value) || entry.value.tag === 'reset' ? undefined : entry
}

/** Of half a service there would be much to say that is not so. */
const broken = ({ path, place }: Authored): Authored => ({ path, place, kind: 'broken' })

const readTarget = (node: Authored, context: Context): Target | undefined => {
  const filled = (value: Authored, what: string): string | undefined => {
    reportUnset(value, context)
    return value.kind === 'scalar' && typeof value.value === 'string' && value.value !== ''
      ? value.value
      : wrongType(value, context, what)
  }
  if (node.kind !== 'map') {
    const service = filled(node, 'the name of a service, or a map with service and file')
    return service === undefined ? undefined : { service, file: undefined, at: node }
  }
  const unknown = node.entries.find(({ key }) => key !== 'service' && key !== 'file')
  if (unknown !== undefined) {
    const at = { path: unknown.value.path, place: unknown.keyPlace }
    return context.fault(at, 'key-unknown', `extends has no key ${quote(unknown.key)}`, 'write service: and file:')
  }
  const service = entryOf(node, 'service')?.value
  if (service === undefined)
    return context.fault(node, 'value-invalid', 'extends names no service', 'write service: the one to extend')
  const name = filled(service, 'the name of a service')
  const file = entryOf(node, 'file')?.value
  const isNamed = file !== undefined && !isNull(file)
  const fileName = isNamed ? filled(file, 'the path of a file') : undefined
  if (name === undefined || (isNamed && fileName === undefined)) return undefined
  return { service: name, file: fileName, at: service }
}

const refuseMissing = (target: Target, { path, services }: Home, files: ProjectFiles, context: Context): undefined => {
  const names = [...services.keys()]
  const near = suggest(target.service, names)
  const others = names.length === 0 ? 'it has no services' : `it has ${names.slice(0, 10).join(', ')}`
  return context.fault(
    target.at,
    'reference-missing',
    `${files.shown(path)} has no service ${quote(target.service)} to extend`,
    near === undefined ? others : `did you mean ${near}?`,
  )
}

const refuseCircle = (chain: readonly Link[], at: At, files: ProjectFiles, context: Context): undefined =>
  context.fault(
    at,
    'reference-circle',
    `services extend each other in a circle: ${chain.map(({ home, name }) => `${name} (${files.shown(home.path)})`).join(' → ')}`,
  )
