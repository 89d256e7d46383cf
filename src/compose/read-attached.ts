/** `configs` and `secrets`: what is defined at top level, and where a service wants it. */
import { posix } from 'node:path'
import { type Authored, entryOf, isNull, pathText, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Level } from './keys.ts'
import type { AttachedFile, Config, Model, Service } from './model.ts'
import type { DeviceSelector } from './model-device-selectors.ts'
import type { GpuNeeds } from './model-gpu.ts'
import { toProjectPath } from './project-path.ts'
import { readDeviceSelectors } from './read-device-selectors.ts'
import { readGpuNeeds } from './read-gpu.ts'
import { ignored, readShape } from './read-shape.ts'
import {
  readAsWritten,
  readEntries,
  readFilledText,
  readList,
  readSwitch,
  readText,
  readTexts,
  wrongType,
} from './read-values.ts'
import { readFileMode } from './read-volumes.ts'

/** A path in the project folder, or the fault that it is none. */
export const readProjectPath: Reader<string> = (node, context) => {
  const written = readFilledText(node, context)
  if (written === undefined) return undefined
  return (
    toProjectPath(written) ??
    context.fault(
      node,
      'file-outside',
      `${quote(written)} is not inside the project folder`,
      'move it there, or name a folder that holds it with --project-directory',
    )
  )
}

const swarmLabels = ignored('has a meaning in Swarm only and is ignored')

const readConfig = readShape('config', {
  file: readProjectPath,
  content: readText,
  environment: (node, context) => readVariable(node, context),
  name: ignored('is not used: a config is known by its key'),
  labels: swarmLabels,
})

/** A variable that is not there is an error: an empty config helps nobody. */
const readVariable: Reader<string> = (node, context) => {
  const name = readFilledText(node, context)
  if (name === undefined) return undefined
  const value = context.lookup(name)
  if (value !== undefined) return value
  return context.fault(node, 'variable-undefined', `no variable is called ${quote(name)}`)
}

export const readConfigDefinitions: Reader<NonNullable<Model['configs']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value): Config | undefined => {
    const shape = readConfig(value, context)
    if (shape === undefined) return { content: '' }
    const { file, content, environment, ...extensions } = shape as {
      file?: string
      content?: string
      environment?: string
    }
    if (!hasOneSource(value, ['file', 'content', 'environment'], context)) return { content: '' }
    return file === undefined ? { content: content ?? environment ?? '', ...extensions } : { file, ...extensions }
  })
}

/** Exactly one of the keys is written; a faulty definition counts as defined, so that its users are not faulted too. */
const hasOneSource = (node: Authored, keys: readonly string[], context: Context): boolean => {
  const given = keys.filter((key) => entryOf(node, key) !== undefined)
  if (given.length === 1) return true
  const isRefused = node.kind !== 'map' || entryOf(node, 'external') !== undefined
  if (given.length > 1)
    context.fault(node, 'value-invalid', `${pathText(node)} has ${given.join(' and ')}`, 'keep one of them')
  else if (!isRefused)
    context.fault(node, 'value-invalid', `${pathText(node)} has no content`, `write one of ${keys.join(', ')}`)
  return false
}

const readSecret = readShape('secret', {
  file: readProjectPath,
  environment: (node, context) => readVariable(node, context),
  external: readSwitch,
  name: readFilledText,
  labels: swarmLabels,
})

/** The model only names a secret; where its value is to be had is told apart, and never part of a release. */
export const readSecretDefinitions: Reader<NonNullable<Model['secrets']>> = (node, context) => {
  if (isNull(node)) return undefined
  return readEntries(node, context, (value, _, { key }) => {
    const shape = readSecret(value, context)
    if (shape === undefined) return { external: true as const }
    const { file, environment, external, name, ...extensions } = shape as {
      file?: string
      environment?: string
      external?: true
      name?: string
    }
    hasOneSource(value, ['file', 'environment', 'external'], context)
    const secretName = name ?? key
    if (file !== undefined) context.secretSources.set(secretName, { file, at: pathText(value) })
    if (environment !== undefined) context.secretSources.set(secretName, { value: environment, at: pathText(value) })
    if (
      external === undefined &&
      entryOf(value, 'external') !== undefined &&
      file === undefined &&
      environment === undefined
    )
      context.fault(
        value,
        'value-invalid',
        `${pathText(value)} has no source`,
        'write external: true, file or environment',
      )
    return { external: true as const, ...(name === undefined ? {} : { name }), ...extensions }
  })
}

export const readAttachedConfigs: Reader<AttachedFile[]> = (node, context) =>
  readAttached(node, context, 'attachedConfig', (source, target) => posix.resolve('/', target ?? source))

export const readAttachedSecrets: Reader<AttachedFile[]> = (node, context) =>
  readAttached(node, context, 'attachedSecret', (source, target) => posix.resolve('/run/secrets', target ?? source))

type AttachedLevel = Extract<Level, 'attachedConfig' | 'attachedSecret'>

/** Sorted by target, like mounts, which they are. */
const readAttached = (
  node: Authored,
  context: Context,
  level: AttachedLevel,
  targetOf: (source: string, target: string | undefined) => string,
): AttachedFile[] | undefined => {
  const readLong = readShape(level, {
    source: readFilledText,
    target: readFilledText,
    uid: readNumber,
    gid: readNumber,
    mode: readOctalMode,
  })
  const items = readList<AttachedFile>((item) => {
    const isLong = item.kind === 'map'
    const shape = isLong ? readLong(item, context) : { source: readFilledText(item, context) }
    const { source, target, ...rest } = (shape ?? {}) as Partial<AttachedFile>
    if (source === undefined) {
      if (isLong && entryOf(item, 'source') === undefined)
        context.fault(item, 'value-invalid', 'source is missing', 'write source: the name at top level')
      return undefined
    }
    const read = { source, target: targetOf(source, target), ...rest }
    context.origins.set(read, item)
    return read
  })(node, context)
  if (items === undefined || items.length === 0) return undefined
  return items.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0))
}

const readNumber: Reader<string> = (node, context) => {
  const text = readAsWritten(node, context)
  return text === undefined || /^\d{1,10}$/.test(text)
    ? text
    : wrongType(node, context, 'a number, as users and groups have')
}

const readOctalMode: Reader<string> = (node, context) => {
  const mode = readFileMode(node, context)
  if (mode === undefined) return undefined
  if (mode > 0o777) return wrongType(node, context, 'a file mode such as "0440"')
  return `0${mode.toString(8).padStart(3, '0')}`
}

export type ServiceExtension = {
  readonly secretEnv?: Readonly<Record<string, string>>
  readonly secretEnvFiles?: readonly string[]
  readonly lock?: true
  readonly devices?: DeviceSelector[]
  readonly gpu?: GpuNeeds
}

export const readServiceExtension: Reader<ServiceExtension> = readShape('longshoreService', {
  secretEnv: (node, context) => readEntries(node, context, (value) => readFilledText(value, context)),
  lock: readSwitch,
  devices: readDeviceSelectors,
  gpu: readGpuNeeds,
  secretEnvFiles: (node, context) =>
    node.kind === 'list' ? readTexts(node, context) : wrongType(node, context, 'a list of paths'),
})

/**
 * An environment file that must not be read by others becomes a secret called as the file is, at /run/secrets; what it
 * says is for the program to read, as it would be in the clear in `environment`.
 */
export const secretEnvFilesOf = (
  extension: ServiceExtension,
  node: Authored,
  context: Context,
): NonNullable<Service['secrets']> =>
  (extension.secretEnvFiles ?? []).flatMap((written) => {
    const path = toProjectPath(written)
    if (path === undefined || path === '.') {
      context.fault(node, 'file-outside', `secretEnvFiles: ${quote(written)} is not a file inside the project folder`)
      return []
    }
    const base = posix.basename(path).replace(/^\.+/, '')
    const source = base.endsWith('.env') ? base : `${base}.env`
    context.secretSources.set(source, { file: path, at: `${pathText(node)}.x-longshore.secretEnvFiles` })
    return [{ source, target: `/run/secrets/${source}` }]
  })
