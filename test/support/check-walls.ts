/** The walls of DESIGN.md as a pure function over the sources: what crosses which, one line each. */
import { posix } from 'node:path'
import { type Import, readImports } from './read-imports.ts'

export const checkWalls = (sources: Readonly<Record<string, string>>): string[] => {
  const files = Object.keys(sources).sort()
  const facts = new Map(files.map((file) => [file, readImports(sources[file] ?? '')]))
  const crossings = files.flatMap((file) => {
    const { imports, literals } = facts.get(file) ?? { imports: [], literals: [] }
    return [
      ...imports.flatMap((one) => importWalls.flatMap((wall) => describe(file, one, wall(edgeOf(file, one))))),
      ...literals.flatMap((literal) => describeLiteral(file, literal)),
    ]
  })
  const edges = new Map(
    files.map((file) => [
      file,
      (facts.get(file)?.imports ?? [])
        .map((one) => edgeOf(file, one).target)
        .filter((target) => facts.has(target))
        .sort(),
    ]),
  )
  return [...new Set([...crossings, ...findCycles(edges)])]
}

/** `target`: the path of one of our files, or the name of a package. */
type Edge = { readonly file: string; readonly target: string; readonly kind: Import['kind']; readonly ours: boolean }

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
} as const

/** No I/O, no clock, no state: what the plan may be built from. */
const pureRoots = [
  /^src\/protocol\//,
  /^src\/compose\/(?:model|check|units|validate)\.ts$/,
  /^agent\/translate\//,
  /^agent\/reconcile\/plan/,
]
const purePackages = [
  'zod',
  'canonicalize',
  'yaml',
  'node:crypto',
  'node:path',
  'node:util',
  'node:buffer',
  'node:assert',
]

const isPure = (file: string): boolean => pureRoots.some((root) => root.test(file))
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
  ({ file, target, kind, ours }) => {
    if (!isPure(file) || kind === 'type') return undefined
    if (ours) return isPure(target) ? undefined : 'a pure module imports types and pure modules only'
    const pure = purePackages.some((name) => target === name || target.startsWith(`${name}/`))
    return pure ? undefined : 'a pure module imports no package that could do something'
  },
]

const describe = (file: string, { specifier = '?' }: Import, fault: string | undefined): string[] =>
  fault === undefined ? [] : [`${file} imports ${specifier}: ${fault}`]

const describeLiteral = (file: string, literal: string): string[] =>
  /^\/(?:sys|proc|dev)(?:\/|$)/.test(literal) &&
  isIn(file, 'agent/', 'src/', 'broker/') &&
  !isIn(file, 'agent/devices/', 'agent/telemetry/')
    ? [`${file} names ${literal}: only agent/devices and agent/telemetry read /sys, /proc and /dev`]
    : []

/** Each cycle once, told from its first file in sorted order. */
const findCycles = (edges: ReadonlyMap<string, readonly string[]>): string[] => {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file)
    if (start >= 0) return void cycles.push(`import cycle: ${[...path.slice(start), file].join(' → ')}`)
    if (done.has(file)) return
    for (const target of edges.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
  return cycles
}
