/** What the nodes of the `yaml` package say, one at a time: their tags, their keys, what their aliases mean. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type Scalar } from 'yaml'
import type { MergeTag } from './authored.ts'

/** Known to the package so that it does not warn; what they mean is for the merge. */
export const mergeTags = ['!reset', '!override'].flatMap((tag) => [
  { tag, resolve: (text: string) => text },
  { tag, collection: 'map' as const },
  { tag, collection: 'seq' as const },
])

export const tagOf = (node: Node | null): MergeTag | undefined => {
  if (node === null || isAlias(node)) return undefined
  return node.tag === '!reset' ? 'reset' : node.tag === '!override' ? 'override' : undefined
}

/** With a tag of ours the package leaves `5` a text. */
export const untagged = (node: Scalar): unknown => {
  const plain = parseDocument(node.source ?? '').contents
  return isScalar(plain) ? plain.value : null
}

export const isMergeKey = (key: Node | null): boolean => isScalar(key) && key.type === 'PLAIN' && key.source === '<<'

export const keyText = (key: Node | null, anchors: (alias: Node) => Node | undefined): string | undefined => {
  const target = isAlias(key) ? anchors(key) : key
  if (!isScalar(target) || target.value === null) return undefined
  return typeof target.value === 'string' ? target.value : (target.source ?? String(target.value))
}

/** An alias means the last anchor of its name before it; found in one walk, where the package walks for each. */
export const anchorsBefore = (document: Document.Parsed): ((alias: Node) => Node | undefined) => {
  const named = new Map<string, Node>()
  const targets = new Map<Node, Node>()
  const walk = (node: unknown): void => {
    if (isAlias(node)) {
      const target = named.get(node.source)
      if (target !== undefined) targets.set(node, target)
      return
    }
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) named.set(node.anchor, node)
    if (isMap(node))
      for (const { key, value } of node.items) {
        walk(key)
        walk(value)
      }
    else if (isSeq(node)) for (const item of node.items) walk(item)
  }
  walk(document.contents)
  return (alias) => targets.get(alias)
}
