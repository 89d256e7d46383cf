/**
 * Relative paths of a file in another folder, as seen from the project folder. A path stays relative, even one that
 * leads out of the project: whether such a file may travel is decided by those who read it.
 */
import { posix } from 'node:path'
import type { Authored, Entry } from './authored.ts'

/** `folder` is that of the file, as seen from the project folder. */
export const rebase = (root: Authored, folder: string): Authored =>
  posix.normalize(folder) === '.' ? root : rebaseAt(root, rules, folder)

/** Absolute, the operator's home, or something that is no path of this machine. */
const isRelative = (path: string): boolean => path !== '' && !/^(?:[/~]|[A-Za-z][A-Za-z0-9+.-]*:\/\/|git@)/.test(path)

type Move = (path: string, folder: string) => string
type Rules = Move | { readonly [key: string]: Rules }

const move: Move = (path, folder) => (isRelative(path) ? posix.join(folder, path) : path)

/** The source of a bind mount is known for a path by its dot. */
const moveSource: Move = (path, folder) => {
  const moved = move(path, folder)
  return moved === path || moved.startsWith('.') ? moved : `./${moved}`
}

/** `SOURCE:TARGET`; a source without a dot is the name of a volume. */
const moveShortMount: Move = (text, folder) => {
  const [source = '', ...rest] = text.split(':')
  return source.startsWith('.') && rest.length > 0 ? [moveSource(source, folder), ...rest].join(':') : text
}

/** `*` is any key; a list stands for each of its items. A rule for a map is passed over where a text stands. */
const rules: Rules = {
  services: {
    '*': {
      env_file: { '': move, path: move },
      label_file: move,
      volumes: { '': moveShortMount, 'type=bind source': moveSource },
      extends: { file: move },
    },
  },
  configs: { '*': { file: move } },
  secrets: { '*': { file: move } },
  include: { '': move, path: move, project_directory: move, env_file: move },
}

const rebaseAt = (node: Authored, rule: Rules, folder: string): Authored => {
  if (node.kind === 'list') return { ...node, items: node.items.map((item) => rebaseAt(item, rule, folder)) }
  if (node.kind === 'scalar') {
    const apply = typeof rule === 'function' ? rule : rule['']
    if (typeof apply !== 'function' || typeof node.value !== 'string') return node
    const text = apply(node.value, folder)
    return { ...node, value: text, text }
  }
  if (node.kind !== 'map' || typeof rule === 'function') return node
  return { ...node, entries: node.entries.map((entry) => rebaseEntry(entry, node.entries, rule, folder)) }
}

const rebaseEntry = (entry: Entry, all: readonly Entry[], rule: Exclude<Rules, Move>, folder: string): Entry => {
  const isBind = all.some(({ key, value }) => key === 'type' && value.kind === 'scalar' && value.text === 'bind')
  const names = [entry.key, '*', isBind ? `type=bind ${entry.key}` : '*']
  const name = names.find((candidate) => candidate !== '' && Object.hasOwn(rule, candidate))
  const next = name === undefined ? undefined : rule[name]
  return next === undefined ? entry : { ...entry, value: rebaseAt(entry.value, next, folder) }
}
