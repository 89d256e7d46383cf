/** Which alias nodes must stand where, from what is allotted and what stands there. Pure. */
import type { Allotment, NodeDevice } from './allot.ts'
import { aliasName, isTerminal } from './container-devices.ts'

type Numbers = { readonly major: number; readonly minor: number }

/** The highest minor number there is: no driver has a device of it, and to open it says that there is none (ENXIO). */
const nowhere = 0xfffff

/** Stands in for a device that is away, so that an engine can start the container all the same. */
export const awayNode = ({ major }: Pick<Numbers, 'major'>): Numbers => ({ major, minor: nowhere })

export const isAway = ({ minor }: Numbers): boolean => minor === nowhere

export type AliasPlan = {
  readonly set: readonly (Numbers & { readonly name: string; readonly gid?: number | undefined })[]
  readonly remove: readonly string[]
}

export const planAliases = (
  allotments: Iterable<Allotment>,
  standing: ReadonlyMap<string, Numbers>,
  /** what containers that are there look up when they are started, with its major number */
  expected: ReadonlyMap<string, number> = new Map(),
): AliasPlan => {
  const wanted = new Map<string, NodeDevice>()
  const ids = new Set<string>()
  for (const { wish, given } of allotments) {
    if (wish.isPlain) continue
    ids.add(wish.id)
    for (const [index, device] of given.entries())
      if (device !== undefined && !isTerminal(device)) wanted.set(aliasName(wish, index), device)
  }
  const isWished = (name: string): boolean => ids.has(name.slice(0, name.lastIndexOf('-')))
  return {
    set: [
      ...[...wanted].flatMap(([name, { major, minor, gid }]) => {
        const stands = standing.get(name)
        return stands?.major === major && stands.minor === minor ? [] : [{ name, major, minor, gid }]
      }),
      ...[...standing].flatMap(([name, node]) =>
        isWished(name) && !wanted.has(name) && !isAway(node) ? [{ name, ...awayNode(node) }] : [],
      ),
      // After a reboot nothing stands yet.
      ...[...expected].flatMap(([name, major]) =>
        isWished(name) && !wanted.has(name) && !standing.has(name) ? [{ name, ...awayNode({ major }) }] : [],
      ),
    ],
    remove: [...standing.keys()].filter((name) => !isWished(name)),
  }
}

/** What each wish had, as far as its aliases tell: after the agent was started again. */
export const heldByAliases = (standing: ReadonlyMap<string, Numbers>): Map<string, (string | undefined)[]> => {
  const held = new Map<string, (string | undefined)[]>()
  for (const [name, node] of standing) {
    const [, id = '', index = ''] = /^(.+)-(\d{1,3})$/.exec(name) ?? []
    if (id === '' || isAway(node)) continue
    const keys = held.get(id) ?? []
    while (keys.length <= Number(index)) keys.push(undefined)
    keys[Number(index)] = `${node.major}:${node.minor}`
    held.set(id, keys)
  }
  return held
}
