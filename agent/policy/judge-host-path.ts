/** May this path of the device be mounted? Every way there is judged: as it is written, and where its links lead. Pure. */
import { posix } from 'node:path'
import { covers, liesUnder, plainPath, stepsOf } from './patterns.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import type { Access } from './policy-schema.ts'

/** What is asked, for the message, and what would allow it. */
export type Refused = { readonly asks: string; readonly allow: string }

const socketNames = ['docker.sock', 'podman.sock', 'containerd.sock', 'crio.sock', 'docker.raw.sock']

/** Folders above one of these must not be mounted either. */
const usualSockets = [
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/docker/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/user/*/docker.sock',
  '/run/user/*/podman/podman.sock',
]

/** undefined: it may. `asks` begins with a verb, as in `mounts /etc`. */
export const hostPathFault = (source: string, isReadOnly: boolean, inForce: PolicyInForce): Refused | undefined => {
  if (source.split('/').includes('..'))
    return { asks: `mounts ${source}, which has .. in it`, allow: 'a path without ..' }
  const written = plainPath(source)
  const resolved = inForce.resolve(written)
  if (resolved === undefined)
    return { asks: `mounts ${written}, whose links cannot be followed`, allow: 'a path that the agent can follow' }
  const fault = placeFault(written, isReadOnly, inForce)
  if (fault !== undefined || resolved === written) return fault
  const behind = placeFault(resolved, isReadOnly, inForce)
  return behind && { ...behind, asks: `${behind.asks}, where ${written} leads` }
}

const placeFault = (path: string, isReadOnly: boolean, inForce: PolicyInForce): Refused | undefined => {
  if (isReadOnly && inForce.policy.readOnlyPaths.some((one) => plainPath(one) === path)) return undefined
  return accessFault(path, isReadOnly, inForce) ?? socketFault(path, inForce) ?? ownFault(path, isReadOnly, inForce)
}

const accessFault = (path: string, isReadOnly: boolean, inForce: PolicyInForce): Refused | undefined => {
  const { access, rule } = accessTo(path, inForce)
  const wanted: Access = isReadOnly ? 'read' : 'write'
  if (rank[access] >= rank[wanted]) return undefined
  const asks = `mounts ${path}${isReadOnly ? '' : ' to write'}`
  if (liesUnder(rule, path))
    return {
      asks: `${asks}, with ${rule} in it`,
      allow: isReadOnly ? `readOnlyPaths: [${path}]` : `hostPaths: {${path}: write}, and nothing less in it`,
    }
  return { asks, allow: `hostPaths: {${path}: ${wanted}}` }
}

const socketFault = (path: string, inForce: PolicyInForce): Refused | undefined => {
  if (inForce.policy.engineSocket) return undefined
  const isSocket = socketNames.includes(posix.basename(path))
  const sockets = withLinks([...inForce.own.engineSockets, ...usualSockets], inForce)
  const socket = isSocket ? path : sockets.find((one) => isRelated(one, path))
  if (socket === undefined) return undefined
  const what = covers(socket, path)
    ? 'a socket of the container engine'
    : `with ${socket} of the container engine in it`
  return { asks: `mounts ${path}, ${what}`, allow: 'engineSocket: true' }
}

/** No key allows these to be written: they are what every other rule stands on. */
const ownFault = (path: string, isReadOnly: boolean, inForce: PolicyInForce): Refused | undefined => {
  const folder = withLinks(inForce.own.folders, inForce).find((one) => isRelated(one, path))
  return folder === undefined
    ? undefined
    : {
        asks: `mounts ${path}, and ${folder} is the agent's own`,
        allow: isReadOnly ? `readOnlyPaths: [${path}]` : 'another path',
      }
}

const rank: Readonly<Record<Access, number>> = { none: 0, read: 1, write: 2 }

type Allowed = { readonly access: Access; readonly rule: string }

/** The longest rule at or above the path, and no more than any rule below it. */
const accessTo = (path: string, inForce: PolicyInForce): Allowed => {
  const rules = rulesOf(inForce)
  const above = rules
    .filter(({ rule }) => covers(rule, path))
    .sort((a, b) => stepsOf(b.rule).length - stepsOf(a.rule).length || rank[a.access] - rank[b.access])[0]
  const below = rules
    .filter(({ rule }) => liesUnder(rule, path))
    .sort((a, b) => rank[a.access] - rank[b.access] || (a.rule < b.rule ? -1 : 1))[0]
  const start: Allowed = above ?? { access: 'none', rule: path }
  return below !== undefined && rank[below.access] < rank[start.access] ? below : start
}

/**
 * A folder that is refused is refused by every name that it has. Only that: a link that somebody planted at a path which
 * is allowed must not make what it leads to allowed.
 */
const rulesOf = (inForce: PolicyInForce): Allowed[] =>
  Object.entries(inForce.policy.hostPaths).flatMap(([rule, access]) =>
    (access === 'none' ? withLinks([rule], inForce) : [rule]).map((spelling) => ({ rule: spelling, access })),
  )

const isRelated = (pattern: string, path: string): boolean => covers(pattern, path) || liesUnder(pattern, path)

/** With the other names of each; /var/run is /run on every Linux with either. */
const withLinks = (paths: readonly string[], { resolve }: PolicyInForce): string[] => {
  const all = paths.flatMap((path) => [path, resolve(path) ?? path])
  return [
    ...new Set(
      all.flatMap((path) => {
        if (covers('/run', path)) return [path, `/var${path}`]
        return covers('/var/run', path) ? [path, path.slice('/var'.length)] : [path]
      }),
    ),
  ]
}
