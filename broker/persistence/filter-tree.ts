/** Which subscriptions a topic matches: filters in a tree by level, so that a publish costs its own depth. Pure data. */

type Node<Holder> = { children?: Map<string, Node<Holder>>; holders?: Map<Holder, number> }

export type FilterTree<Holder> = {
  /** Replaces what that holder had on that filter. */
  readonly set: (filter: string, holder: Holder, qos: number) => void
  readonly remove: (filter: string, holder: Holder) => void
  /** Each holder once, with the highest of its qualities of service: [MQTT-3.3.5-1]. */
  readonly match: (topic: string) => Map<Holder, number>
}

export const createFilterTree = <Holder>(): FilterTree<Holder> => {
  const root: Node<Holder> = {}

  const removeFrom = (node: Node<Holder>, levels: readonly string[], depth: number, holder: Holder): void => {
    const level = levels[depth]
    if (level === undefined) {
      node.holders?.delete(holder)
      if (node.holders?.size === 0) delete node.holders
      return
    }
    const child = node.children?.get(level)
    if (child === undefined) return
    removeFrom(child, levels, depth + 1, holder)
    if (child.children === undefined && child.holders === undefined) node.children?.delete(level)
    if (node.children?.size === 0) delete node.children
  }

  return {
    set: (filter, holder, qos) => {
      let node = root
      for (const level of filter.split('/')) {
        node.children ??= new Map()
        const child: Node<Holder> = node.children.get(level) ?? {}
        node.children.set(level, child)
        node = child
      }
      node.holders ??= new Map()
      node.holders.set(holder, qos)
    },
    remove: (filter, holder) => removeFrom(root, filter.split('/'), 0, holder),
    match: (topic) => {
      const found = new Map<Holder, number>()
      const levels = topic.split('/')
      const take = (node: Node<Holder> | undefined): void => {
        for (const [holder, qos] of node?.holders ?? []) found.set(holder, Math.max(qos, found.get(holder) ?? 0))
      }
      const walk = (node: Node<Holder>, depth: number): void => {
        // [MQTT-4.7.2-1]: no wildcard at the start matches a topic that begins with $.
        const isWild = depth > 0 || !topic.startsWith('$')
        // # stands for its parent too: [MQTT-4.7.1-2].
        if (isWild) take(node.children?.get('#'))
        const level = levels[depth]
        if (level === undefined) {
          take(node)
          return
        }
        const exact = node.children?.get(level)
        if (exact !== undefined) walk(exact, depth + 1)
        const any = isWild ? node.children?.get('+') : undefined
        if (any !== undefined) walk(any, depth + 1)
      }
      walk(root, 0)
      return found
    },
  }
}
