/** `environment` and `env_file`: one map of texts in the end, `environment` over the files, a later file over an earlier. */
import { type Authored, pathText, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { parseEnvFile, parseRawEnvFile } from './env-file.ts'
import { toProjectPath } from './project-path.ts'
import { readShape } from './read-shape.ts'
import { readBoolean, readFilledText, readOneOf, readPairs } from './read-values.ts'
import { noteSuspect } from './suspect-secrets.ts'

export type EnvFileEntry = {
  readonly node: Authored
  readonly path: string
  readonly required?: boolean
  readonly format?: 'raw'
}

export const readEnvironment: Reader<Map<string, string | null>> = (node, context) => {
  for (const { key, value } of node.kind === 'map' ? node.entries : [])
    if (key === '' || key.includes('='))
      context.fault(value, 'value-invalid', `${quote(key)} cannot be the name of a variable`, 'write NAME: value')
    else if (value.kind === 'scalar') noteSuspect(key, value.value === null ? '' : value.text, value, context)
  for (const item of node.kind === 'list' ? node.items : []) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(item.kind === 'scalar' ? item.text : '') ?? []
    noteSuspect(name, value, item, context)
  }
  return readPairs(node, context)
}

export const readEnvFiles: Reader<EnvFileEntry[]> = (node, context) => {
  const items = node.kind === 'list' ? node.items : [node]
  return items.flatMap((item): EnvFileEntry[] => {
    if (item.kind !== 'map') {
      const path = readFilledText(item, context)
      return path === undefined ? [] : [{ node: item, path }]
    }
    const shape = readLong(item, context) as { path?: string; required?: boolean; format?: 'raw' } | undefined
    if (shape === undefined) return []
    const { path, required, format } = shape
    if (path !== undefined)
      return [{ node: item, path, ...(required === undefined ? {} : { required }), ...(format ? { format } : {}) }]
    if (!item.entries.some(({ key }) => key === 'path'))
      context.fault(item, 'value-invalid', 'an env_file has no path', 'write path: the file')
    return []
  })
}

const readLong = readShape('envFile', {
  path: readFilledText,
  required: readBoolean,
  format: (node, context) => {
    if (node.kind === 'scalar' && node.text === '') return undefined
    return readOneOf('raw')(node, context)
  },
})

/** Everything together. A name without a value takes that of the variable, and is left out where there is none. */
export const mergeEnvironment = (
  authored: ReadonlyMap<string, string | null>,
  files: readonly EnvFileEntry[],
  node: Authored,
  context: Context,
): Record<string, string> | undefined => {
  const own = new Map<string, string>()
  const unset: string[] = []
  for (const [name, value] of authored) {
    const text = value ?? context.lookup(name)
    if (text === undefined) unset.push(name)
    else own.set(name, text)
  }
  for (const name of unset)
    context.note(node, `${pathText(node)}.environment.${name} has no value and is left out: no variable is called so`)
  const lookup = (name: string) => context.lookup(name) ?? own.get(name)
  const merged = new Map<string, string>()
  for (const file of files) for (const [name, value] of readEnvFile(file, lookup, context)) merged.set(name, value)
  for (const name of unset) merged.delete(name)
  for (const [name, value] of own) merged.set(name, value)
  return merged.size === 0 ? undefined : Object.fromEntries(merged)
}

const readEnvFile = (
  { node, path, required, format }: EnvFileEntry,
  lookup: (name: string) => string | undefined,
  context: Context,
): [string, string][] => {
  // What it says goes to the device: a file from elsewhere must not go with it by mistake.
  if ((!path.startsWith('/') && toProjectPath(path) === undefined) || context.isOutside(path)) {
    context.fault(
      node,
      'file-outside',
      `env_file ${quote(path)} is not inside the project folder`,
      'move it there, or name a folder that holds it with --project-directory',
    )
    return []
  }
  const text = context.readFile(path)
  if (text === undefined) {
    if (required !== false)
      context.fault(
        node,
        'file-unreadable',
        `env_file ${quote(path)} cannot be read`,
        'check the path, or write required: false in the long form',
      )
    return []
  }
  const parsed = (format === 'raw' ? parseRawEnvFile : parseEnvFile)(text, lookup)
  if (parsed.ok) return Object.entries(parsed.values)
  for (const { code, message, line, remedy } of parsed.faults)
    context.fault({ path: node.path, place: { file: path, line, column: 1 } }, code, message, remedy)
  return []
}
