/** The end of merging: tags and what they took away are gone, every value knows its path in the whole. */
import type { Authored, Path } from './authored.ts'
import type { Context } from './context.ts'

/** What all files together may come to; ten lines of extends can otherwise ask for all the memory there is. */
const mostNodes = 200_000

/** undefined: too large, and the fault says so. Variables without a value that are still there are faults now. */
export const settle = (root: Authored, context: Context): Authored | undefined => {
  let nodeCount = 0
  const visit = (node: Authored, path: Path): Authored => {
    nodeCount++
    const { tag: _, ...plain } = node
    if (nodeCount > mostNodes) return { ...plain, path }
    reportUnset({ ...node, path }, context)
    if (plain.kind === 'map')
      return {
        ...plain,
        path,
        entries: plain.entries.flatMap((entry) =>
          entry.value.tag === 'reset' ? [] : [{ ...entry, value: visit(entry.value, [...path, entry.key]) }],
        ),
      }
    if (plain.kind === 'list')
      return {
        ...plain,
        path,
        items: plain.items.filter(({ tag }) => tag !== 'reset').map((item, index) => visit(item, [...path, index])),
      }
    return { ...plain, path }
  }
  const settled = visit(root, [])
  if (nodeCount <= mostNodes) return settled
  return context.fault(
    root,
    'yaml-invalid',
    `the files together unfold to more than ${mostNodes} values`,
    'use fewer aliases and extends',
  )
}

/** Says of a value that nobody can read which variable it lacks. */
export const reportUnset = (node: Authored, context: Context): void => {
  if (node.kind !== 'broken') return
  for (const { place, message, remedy } of node.unset ?? [])
    context.fault({ path: node.path, place }, 'variable-undefined', message, remedy)
}
