/**
 * compose.yaml to the model, or every fault of it with its place. Pure: reads no file itself, knows no environment
 * but what it is given, never throws. Equal meaning makes an equal model, so that a release keeps its name.
 */

import { formatPath } from '../protocol/payload.ts'
import { type Authored, entryOf, locate, type Path, quote } from './authored.ts'
import { checkModel, type Fault } from './check.ts'
import { type Collected, type ComposeFault, collect, type Note, type Reader, type SecretSource } from './context.ts'
import { loadProject, type Project } from './load-project.ts'
import type { Model } from './model.ts'
import { readConfigDefinitions, readSecretDefinitions } from './read-attached.ts'
import { readNetworkDefinitions, readVolumeDefinitions } from './read-definitions.ts'
import { withLimitsInOnePlace } from './read-deploy.ts'
import { readLongshore } from './read-longshore.ts'
import { readServices } from './read-service.ts'
import { ignored, orNothing, readShape } from './read-shape.ts'
import { readFilledText } from './read-values.ts'
import { modelFaults } from './validate.ts'

export type { ComposeFault, Note, SecretSource } from './context.ts'

export type ComposeSource = Project & {
  /** The project name: becomes `name` and COMPOSE_PROJECT_NAME. */
  readonly app: string
  /** In layers already: --set over the shell's, if those are wanted, over --env-file or .env. */
  readonly variables: Readonly<Record<string, string>>
  /** For `env_file`, `extends` and `include`: a path from the project folder, or an absolute one. undefined: no such file. */
  readonly readFile: (path: string) => string | undefined
  /** Whether a path leads out of the project folder by a link. Absent: there are none. */
  readonly isOutside?: (path: string) => boolean
}

export type ReadCompose =
  | {
      readonly ok: true
      readonly model: Model
      readonly notes: readonly Note[]
      /** by the name on the device; a secret that is not here was set with `longshore secret set` */
      readonly secretSources: ReadonlyMap<string, SecretSource>
    }
  | { readonly ok: false; readonly faults: readonly ComposeFault[] }

export const readCompose = (source: ComposeSource): ReadCompose => {
  const context = collect({
    lookup: lookupIn(source),
    readFile: guarded(source.readFile),
    isOutside: source.isOutside ?? (() => false),
  })
  const root = loadProject(source, context)
  const draft = root === undefined ? undefined : readTop(root, context)
  if (root === undefined || draft === undefined) return failed(context)

  noteName(root, source.app, context)
  const model = withSecretsNamed({ ...draft, name: source.app, services: draft.services ?? {} } as Model, context)
  if (entryOf(root, 'services') === undefined)
    context.fault(root, 'value-invalid', 'the file has no services', 'write at least one service under services:')
  else
    for (const { path, code, message } of findFaults(model, context)) context.fault(locate(root, path), code, message)
  if (context.faults.length > 0) return failed(context)

  const services = Object.entries(model.services).map(([name, service]) => [name, withLimitsInOnePlace(service)])
  const { notes, secretSources } = context
  return { ok: true, model: { ...model, services: Object.fromEntries(services) }, notes, secretSources }
}

const readTop: Reader<Partial<Model>> = readShape('top', {
  name: () => undefined,
  version: ignored('is obsolete and ignored'),
  services: readServices,
  // What it names is part of the services by now.
  include: () => undefined,
  networks: orNothing(readNetworkDefinitions),
  volumes: orNothing(readVolumeDefinitions),
  configs: orNothing(readConfigDefinitions),
  secrets: orNothing(readSecretDefinitions),
  'x-longshore': readLongshore,
})

/** Environment files that travel as secrets are named nowhere at top level: they are here. */
const withSecretsNamed = (model: Model, { secretSources }: Collected): Model => {
  const used = Object.values(model.services).flatMap(({ secrets }) => (secrets ?? []).map(({ source }) => source))
  const named = used.filter((name) => name.endsWith('.env') && secretSources.has(name))
  if (named.length === 0) return model
  const added = Object.fromEntries(named.map((name) => [name, { external: true as const }]))
  return { ...model, secrets: { ...added, ...model.secrets } }
}

/** File by file, in the order in which they come up, and down each of them. */
const failed = ({ faults }: Collected): ReadCompose => {
  const files = [...new Set(faults.map(({ place }) => place.file))]
  return { ok: false, faults: files.flatMap((file) => faults.filter(({ place }) => place.file === file).sort(byPlace)) }
}

const byPlace = (a: ComposeFault, b: ComposeFault): number =>
  (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0)

const lookupIn =
  ({ app, variables }: ComposeSource) =>
  (name: string): string | undefined => {
    if (name === 'COMPOSE_PROJECT_NAME') return app
    return Object.hasOwn(variables, name) ? variables[name] : undefined
  }

/** A file that cannot be read is, to the reader, one that is missing. */
const guarded = (readFile: ComposeSource['readFile']) => (path: string) => {
  try {
    return readFile(path)
  } catch {
    return undefined
  }
}

const noteName = (root: Authored, app: string, context: Collected): void => {
  const entry = entryOf(root, 'name')
  if (entry === undefined || entry.value.kind === 'broken') return
  const name = readFilledText(entry.value, context)
  if (name !== undefined && name !== app)
    context.note(entry.value, `name: ${quote(name)} is not used, the app is called ${app}`)
}

/** What only shows in the whole. Where a part could not be read, what follows from its absence is not said. */
const findFaults = (model: Model, context: Collected): Fault[] => {
  const faulty = context.faults.map(({ path }) => path)
  const isUnread = (key: string) => faulty.includes(key)
  if (isUnread('services') || isUnread('networks') || isUnread('volumes')) return []
  const isSaidAlready = ({ path }: Fault) => faulty.some((said) => isWithin(formatPath(path), said))
  return [...modelFaults(model), ...checkModel(model)]
    .map((fault) => ({ ...fault, path: authoredPath(fault.path, model, context) }))
    .filter((fault) => !isSaidAlready(fault))
}

const isWithin = (path: string, outer: string): boolean =>
  path === outer || (path.startsWith(outer) && /^[.[]/.test(path.slice(outer.length)))

/** Lists are sorted and unfolded in the model; their items know what they came from. */
const authoredPath = (path: Path, model: Model, context: Collected): Path => {
  let value: unknown = model
  for (const [index, step] of path.entries()) {
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined
    const origin = typeof value === 'object' && value !== null ? context.origins.get(value) : undefined
    if (origin !== undefined) return [...origin.path, ...path.slice(index + 1)]
  }
  return path
}
