/** What is retained: by topic at once, and by wildcard along a tree of levels, never by looking at all of it. Pure data. */
import type { QualityOfService } from './operation.ts'

export type RetainedMessage = {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QualityOfService
}

type Node = { children?: Map<string, Node>; message?: RetainedMessage }

export type RetainedIndex = {
  readonly get: (topic: string) => RetainedMessage | undefined
  readonly set: (message: RetainedMessage) => void
  readonly remove: (topic: string) => void
  /** Lazily: what changes meanwhile may or may not be among them. */
  readonly match: (filter: string) => Iterable<RetainedMessage>
  readonly all: () => Iterable<RetainedMessage>
  /** of those that anybody published */
  readonly count: () => number
  /** of their topics and payloads */
  readonly bytes: () => number
}

export const createRetainedIndex = (): RetainedIndex => {
  const messages = new Map<string, RetainedMessage>()
  const root: Node = {}
  let bytes = 0
  let own = 0

  const sizeOf = (message: RetainedMessage | undefined): number =>
    message === undefined ? 0 : message.topic.length + message.payload.length

  const place = (topic: string): Node => {
    let node = root
    for (const level of topic.split('/')) {
      node.children ??= new Map()
      let child = node.children.get(level)
      if (child === undefined) {
        child = {}
        node.children.set(level, child)
      }
      node = child
    }
    return node
  }

  const prune = (node: Node, levels: readonly string[], depth: number): void => {
    const level = levels[depth]
    if (level === undefined) {
      delete node.message
      return
    }
    const child = node.children?.get(level)
    if (child === undefined) return
    prune(child, levels, depth + 1)
    if (child.children === undefined && child.message === undefined) node.children?.delete(level)
    if (node.children?.size === 0) delete node.children
  }

  return {
    get: (topic) => messages.get(topic),
    set: (message) => {
      if (!isOwn(message.topic)) bytes += sizeOf(message) - sizeOf(messages.get(message.topic))
      else if (!messages.has(message.topic)) own += 1
      messages.set(message.topic, message)
      place(message.topic).message = message
    },
    remove: (topic) => {
      const before = messages.get(topic)
      if (before === undefined) return
      messages.delete(topic)
      if (isOwn(topic)) own -= 1
      else bytes -= sizeOf(before)
      prune(root, topic.split('/'), 0)
    },
    match: (filter) => {
      const exact = messages.get(filter)
      if (!/[+#]/.test(filter)) return exact === undefined ? [] : [exact]
      return walk(root, filter.split('/'), 0)
    },
    all: () => messages.values(),
    count: () => messages.size - own,
    bytes: () => bytes,
  }
}

/** The broker's, which nobody else can publish to. */
const isOwn = (topic: string): boolean => topic.startsWith('$')

function* walk(node: Node, levels: readonly string[], depth: number): Iterable<RetainedMessage> {
  const level = levels[depth]
  if (level === undefined) {
    if (node.message !== undefined) yield node.message
    return
  }
  if (level === '#') {
    yield* everythingBelow(node, depth === 0)
    return
  }
  if (level !== '+') {
    const child = node.children?.get(level)
    if (child !== undefined) yield* walk(child, levels, depth + 1)
    return
  }
  for (const [name, child] of node.children ?? []) if (isOpen(name, depth)) yield* walk(child, levels, depth + 1)
}

function* everythingBelow(node: Node, isRoot: boolean): Iterable<RetainedMessage> {
  if (node.message !== undefined) yield node.message
  for (const [name, child] of node.children ?? []) if (!isRoot || isOpen(name, 0)) yield* everythingBelow(child, false)
}

/** [MQTT-4.7.2-1]: no wildcard at the start matches a topic that begins with $. */
const isOpen = (name: string, depth: number): boolean => depth > 0 || !name.startsWith('$')
