/** The walls of DESIGN.md as a pure function over the sources: what crosses which, one line each. */
import { posix } from 'node:path'
import { type Import, readImports } from './read-imports.ts'

export const checkWalls = (sources: Readonly<Record<string, string>>): string[] => {
  const files = Object.keys(sources).sort()
  const facts = new Map(files.map((file) => [file, readImports(sources[file] ?? '')]))
  const edges = new Map(files.map((file) => [file, (facts.get(file)?.imports ?? []).map((one) => edgeOf(file, one))]))
  const all = [...edges.values()].flat()
  const pure = reach(edges, files.filter(isPureRoot))
  return [
    ...all.flatMap((edge) => importWalls.flatMap((wall) => describe(edge, wall(edge)))),
    ...all.flatMap((edge) => (pure.has(edge.file) ? describe(edge, impurity(edge)) : [])),
    ...files.flatMap((file) => (facts.get(file)?.literals ?? []).flatMap((literal) => describeLiteral(file, literal))),
    ...findCycles(edges),
  ]
}

/** `target`: the path of one of our files, or the name of a package. */
type Edge = { readonly file: string; readonly target: string; readonly kind: Import['kind']; readonly ours: boolean }

type Edges = ReadonlyMap<string, readonly Edge[]>

const edgeOf = (file: string, { specifier = '', kind }: Import): Edge => {
  const ours = specifier.startsWith('.')
  return { file, kind, ours, target: ours ? posix.join(posix.dirname(file), specifier) : specifier }
}

/** Who alone may import a package. */
const packageHomes = {
  dockerode: 'agent/engine/',
  'docker-modem': 'agent/engine/',
  mqtt: 'src/link/',
  aedes: 'broker/',
  'aedes-persistence': 'broker/',
  ws: 'broker/',
  '@peculiar/x509': 'src/pki/',
  'reflect-metadata': 'src/pki/',
} as const

/** These and whatever they load do no I/O and keep no state; types may come from anywhere. */
const pureRoots = [
  /^src\/protocol\//,
  /^src\/compose\/(?:model|check|units|validate)\.ts$/,
  /^agent\/allot\//,
  /^agent\/health\/(?:findings|verdict|app-facts)\.ts$/,
  /^agent\/policy\//,
  /^agent\/translate\//,
  /^agent\/reconcile\/plan/,
  /^src\/exporter\/(?:families|exposition|samples)\.ts$/,
  /^src\/home-assistant\/(?:components|discovery)\.ts$/,
]
const purePackages = [
  'zod',
  'canonicalize',
  // Only asked when a pattern comes next; it starts nothing where it is given nothing to run.
  'croner',
  'yaml',
  'node:crypto',
  'node:path',
  'node:util',
  'node:buffer',
  'node:assert',
]
/** Rooms that exist for their effects: a pure module has no business in them, whatever the file does. */
const effectRooms = [
  ...['engine', 'registry', 'store', 'files', 'secrets', 'devices', 'telemetry', 'commands'].map(
    (room) => `agent/${room}/`,
  ),
  ...['link', 'local', 'outbox', 'fleet', 'cli', 'project', 'engine-setup'].map((room) => `src/${room}/`),
]

const isPureRoot = (file: string): boolean => pureRoots.some((root) => root.test(file))
const isIn = (file: string, ...folders: string[]): boolean => folders.some((folder) => file.startsWith(folder))

/** Each says what is wrong with an edge, or nothing. */
const importWalls: readonly ((edge: Edge) => string | undefined)[] = [
  ({ target }) => (target === '' ? 'a module is loaded by a name that is no literal: nobody can check it' : undefined),
  ({ file, target }) =>
    (isIn(file, 'agent/') && isIn(target, 'broker/')) || (isIn(file, 'broker/') && isIn(target, 'agent/'))
      ? 'agent and broker never import each other'
      : undefined,
  ({ file, target, ours }) => {
    if (ours) return undefined
    const home = Object.entries(packageHomes).find(([name]) => target === name || target.startsWith(`${name}/`))
    return home === undefined || file.startsWith(home[1]) ? undefined : `only ${home[1]} knows ${home[0]}`
  },
  ({ file, target, kind }) => {
    if (!isIn(file, 'src/') || !isIn(target, 'agent/', 'broker/')) return undefined
    if (!isIn(file, 'src/cli/')) return 'nothing in src but the command loads agent or broker'
    return kind === 'dynamic' ? undefined : 'the command loads agent and broker by dynamic import only'
  },
  ({ file, target, ours }) =>
    ours && isIn(file, 'src/protocol/') && !isIn(target, 'src/protocol/')
      ? 'src/protocol imports nothing of ours'
      : undefined,
]

const impurity = ({ target, kind, ours }: Edge): string | undefined => {
  if (kind === 'type') return undefined
  if (ours) return isIn(target, ...effectRooms) ? 'a pure module imports types and pure modules only' : undefined
  const pure = purePackages.some((name) => target === name || target.startsWith(`${name}/`))
  return pure ? undefined : 'a pure module imports no package that could do something'
}

const describe = ({ file, target }: Edge, fault: string | undefined): string[] =>
  fault === undefined ? [] : [`${file} imports ${target || '?'}: ${fault}`]

const describeLiteral = (file: string, literal: string): string[] =>
  /^\/(?:sys|proc|dev)(?:\/|$)/.test(literal) &&
  // Neither is a fact about the machine: an open file by its number, and a file system in memory.
  !/^\/(?:proc\/self\/fd|dev\/shm)\//.test(literal) &&
  isIn(file, 'agent/', 'src/', 'broker/') &&
  // A policy names what it refuses, and a manifest what a container sees; both are pure and read nothing.
  !isIn(file, 'agent/devices/', 'agent/telemetry/', 'agent/policy/', 'src/compose/')
    ? [`${file} names ${literal}: only agent/devices and agent/telemetry read /sys, /proc and /dev`]
    : []

/** What is there at run time: `import type` is not, so types may point both ways. */
const loadedBy = (edges: Edges, file: string): string[] =>
  (edges.get(file) ?? []).filter((edge) => edge.kind !== 'type' && edges.has(edge.target)).map((edge) => edge.target)

const reach = (edges: Edges, roots: readonly string[]): ReadonlySet<string> => {
  const reached = new Set<string>()
  const visit = (file: string) => {
    if (reached.has(file) || isIn(file, ...effectRooms)) return
    reached.add(file)
    loadedBy(edges, file).forEach(visit)
  }
  roots.forEach(visit)
  return reached
}

/** One line for each import that closes a cycle. */
const findCycles = (edges: Edges): string[] => {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file)
    if (start >= 0) {
      cycles.push(`import cycle: ${[...path.slice(start), file].join(' → ')}`)
      return
    }
    if (done.has(file)) return
    for (const target of loadedBy(edges, file).sort()) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
  return cycles
}
