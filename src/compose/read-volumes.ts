/** `volumes` and `tmpfs` of a service: named volumes, bind mounts and tmpfs, in short and long form. */
import { posix } from 'node:path'
import { isReleasePath, resourceNameSchema } from '../protocol/names.ts'
import { type Authored, entryOf, pathText, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { imageMount } from './key-rules.ts'
import type { Mount } from './model.ts'
import { toProjectPath } from './project-path.ts'
import { ignored, orNothing, readShape } from './read-shape.ts'
import { readBoolean, readFilledText, readOneOf, readSize, readSwitch, readText, wrongType } from './read-values.ts'

/** Sorted by target: engines mount the outer path first, in whatever order they are written. */
export const readMounts: Reader<Mount[]> = (node, context) => {
  if (node.kind !== 'list') return wrongType(node, context, 'a list of volumes')
  const mounts = node.items.flatMap((item) => {
    const mount = item.kind === 'map' ? readLongMount(item, context) : readShortMount(item, context)
    if (mount === undefined) return []
    context.origins.set(mount, item)
    return [mount]
  })
  return mounts.length === 0 ? undefined : mounts.sort((a, b) => compareText(a.target, b.target))
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** `SOURCE:TARGET[:MODE,…]`. */
const readShortMount: Reader<Mount> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const [source = '', target, modes = '', ...rest] = text.split(':')
  if (target === undefined) return finish(node, context, { type: 'volume', target: source })
  if (source === '' || target === '' || rest.length > 0)
    return wrongType(node, context, 'NAME:/path or /host/path:/path, with :ro where wanted')
  const type = source.startsWith('/') || isRelative(source) ? 'bind' : 'volume'
  const options = readModes(node, context, type, modes)
  if (options === undefined) return undefined
  return finish(node, context, { type, source, target, ...options })
}

const isRelative = (source: string): boolean => /^[.~]/.test(source)

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'] as const

const readModes = (node: Authored, context: Context, type: 'bind' | 'volume', modes: string) => {
  let options: { read_only?: true; volume?: { nocopy: true }; bind?: { propagation: string } } = {}
  for (const mode of modes === '' ? [] : modes.split(',')) {
    const propagation = propagations.find((word) => word === mode)
    if (mode === 'ro') options = { ...options, read_only: true }
    else if (mode === 'z' || mode === 'Z') noteSelinux(node, context)
    else if (mode === 'nocopy' && type === 'volume') options = { ...options, volume: { nocopy: true } }
    else if (propagation !== undefined && type === 'bind')
      options = propagation === 'rprivate' ? options : { ...options, bind: { propagation } }
    else if (/^(cached|delegated|consistent)$/.test(mode)) noteConsistency(node, context)
    else if (mode !== 'rw')
      return context.fault(
        node,
        'value-invalid',
        `${quote(mode)} is not a mode of a ${type === 'bind' ? 'bind mount' : 'named volume'}`,
        type === 'bind' ? `use rw, ro or one of ${propagations.join(', ')}` : 'use rw, ro or nocopy',
      )
  }
  return options
}

const noteSelinux: Reader<undefined> = (node, context) => {
  context.note(
    node,
    `${pathText(node)}: SELinux labels (z, Z) are not set; where the device uses SELinux, label the path there with chcon`,
  )
  return undefined
}

const noteConsistency = ignored('has a meaning on macOS only and is ignored')

type LongMount = {
  type?: Mount['type']
  source?: string
  target?: string
  bind?: object
  volume?: object
  tmpfs?: object
}

const readLongMount: Reader<Mount> = (node, context) => {
  const shape: LongMount | undefined = readLong(node, context)
  if (shape === undefined) return undefined
  const isBroken = (['type', 'source', 'target'] as const).some(
    (key) => shape[key] === undefined && entryOf(node, key) !== undefined,
  )
  const { type, source, target } = shape
  if (isBroken) return undefined
  if (type === undefined)
    return context.fault(node, 'value-invalid', 'a volume has no type', 'write type: volume, bind or tmpfs')
  if (target === undefined)
    return context.fault(node, 'value-invalid', 'a volume has no target', 'write target: the path in the container')
  if (type === 'tmpfs' && source !== undefined)
    return context.fault(node, 'value-invalid', 'a tmpfs has no source', 'remove source')
  if (type === 'bind' && source === undefined)
    return context.fault(node, 'value-invalid', 'a bind mount has no source', 'write source: the path on the device')
  if (type === 'volume' && source === undefined && shape.volume !== undefined && 'subpath' in shape.volume)
    return context.fault(
      node,
      'value-invalid',
      'a new volume has no folder to mount',
      'write source: the name of the volume',
    )
  for (const other of (['bind', 'volume', 'tmpfs'] as const).filter((key) => key !== type)) {
    const entry = entryOf(node, other)
    if (entry !== undefined)
      return context.fault(entry.value, 'value-invalid', `${other} does not go with type: ${type}`, `remove ${other}`)
  }
  return finish(node, context, shape)
}

const refusedTypes: Readonly<Record<string, string>> = {
  image: imageMount,
  cluster: 'it has a meaning in Swarm only; use type: volume with a driver under volumes at top level',
  npipe: 'it is for Windows containers; use type: bind',
}

const readMountType: Reader<Mount['type']> = (node, context) => {
  const remedy = node.kind === 'scalar' && Object.hasOwn(refusedTypes, node.text) ? refusedTypes[node.text] : undefined
  if (remedy === undefined) return readOneOf('volume', 'bind', 'tmpfs')(node, context)
  return context.fault(node, 'key-unsupported', `${pathText(node)}: this type is not supported`, remedy)
}

/** Engines mount what is mounted below the source too, unless told otherwise. */
const readRecursive: Reader<undefined> = (node, context) => {
  if (node.kind === 'scalar' && node.text === 'enabled') return undefined
  return wrongType(node, context, 'enabled', 'remove it; where less is to be seen, mount a folder that holds no other')
}

/** A folder of the volume, by its steps from the top of it. */
const readSubpath: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const path = posix.normalize(text).replace(/\/+$/, '')
  return isReleasePath(path) ? path : wrongType(node, context, 'a relative path inside the volume')
}

const readLong = readShape('mount', {
  type: readMountType,
  source: readFilledText,
  target: readFilledText,
  read_only: readSwitch,
  consistency: noteConsistency,
  'x-longshore': orNothing(
    readShape('longshoreMount', {
      seed: (node, context) => (readBoolean(node, context) === false ? false : undefined),
    }),
  ),
  bind: orNothing(
    readShape('mountBind', {
      propagation: (node, context) => {
        const propagation = readOneOf(...propagations)(node, context)
        return propagation === 'rprivate' ? undefined : propagation
      },
      create_host_path: (node, context) => (readBoolean(node, context) === false ? false : undefined),
      selinux: noteSelinux,
      recursive: readRecursive,
    }),
  ),
  volume: orNothing(
    readShape('mountVolume', {
      nocopy: readSwitch,
      labels: ignored('labels of a mount are ignored; write them under volumes at top level'),
      subpath: readSubpath,
    }),
  ),
  tmpfs: orNothing(readShape('mountTmpfs', { size: readSize, mode: (node, context) => readFileMode(node, context) })),
})

/** As Compose: an octal number in quotes or with a leading 0, else the number itself. */
export const readFileMode: Reader<number> = (node, context) => {
  if (node.kind === 'scalar') {
    if (/^(0o?)?[0-7]{1,7}$/.test(node.text) && (typeof node.value === 'string' || node.text.startsWith('0')))
      return Number.parseInt(node.text.replace('o', ''), 8)
    if (typeof node.value === 'number' && Number.isSafeInteger(node.value) && node.value >= 0) return node.value
  }
  return wrongType(node, context, 'a file mode such as "1777"')
}

const finish = (node: Authored, context: Context, mount: object): Mount | undefined => {
  const { source, target, ...rest } = mount as { type: Mount['type']; source?: string; target: string }
  if (!target.startsWith('/') || cleanPath(target) === '/')
    return context.fault(
      node,
      'value-invalid',
      `target ${quote(target)} is not an absolute path below /`,
      'write the whole path in the container',
    )
  if (rest.type === 'volume' && source !== undefined && !resourceNameSchema.safeParse(source).success)
    return context.fault(
      node,
      'value-invalid',
      `${quote(source)} is not the name of a volume`,
      'use A-Z a-z 0-9 . _ and -, or an absolute path for a bind mount',
    )
  const standing = rest.type === 'bind' ? readBindSource(node, context, source ?? '') : source
  if (rest.type === 'bind' && standing === undefined) return undefined
  return {
    ...rest,
    ...(standing === undefined ? {} : { source: standing }),
    target: cleanPath(target),
  } as Mount
}

/** Absolute: a path of the device. Relative: one of the project folder, whose content travels with the release. */
const readBindSource = (node: Authored, context: Context, source: string): string | undefined => {
  if (source.startsWith('/')) return cleanPath(source)
  if (source.startsWith('~'))
    return context.fault(
      node,
      'file-outside',
      `${quote(source)} is in a home folder, which a device has not`,
      'write an absolute path of the device, or a path in the project folder',
    )
  return (
    toProjectPath(source) ??
    context.fault(
      node,
      'file-outside',
      `${quote(source)} is not inside the project folder`,
      'move it there, or name a folder that holds it with --project-directory',
    )
  )
}

const cleanPath = (path: string): string =>
  posix
    .normalize(path)
    .replace(/(.)\/+$/, '$1')
    .replace(/^\/+/, '/')

/** An entry of the key `tmpfs`: `/run` or `/run:size=64m,mode=1777`. */
export const readTmpfs: Reader<string> = (node, context) => {
  const text = readText(node, context)
  if (text === undefined) return undefined
  const [, path = '', options] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (!path.startsWith('/') || cleanPath(path) === '/')
    return wrongType(node, context, 'an absolute path, with options after a colon where wanted')
  return options ? `${cleanPath(path)}:${options}` : cleanPath(path)
}
