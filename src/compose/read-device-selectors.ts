/** `x-longshore.devices` of a service, as it is written. */
import type { Authored } from './authored.ts'
import type { Context, Reader } from './context.ts'
import {
  type DeviceMatch,
  type DeviceSelector,
  deviceMatchSchema,
  isDeviceTarget,
  replugSchema,
  selectableClasses,
} from './model-device-selectors.ts'
import { readShape } from './read-shape.ts'
import {
  readAsWritten,
  readBoolean,
  readFilledText,
  readInteger,
  readList,
  readOneOf,
  wrongType,
} from './read-values.ts'

/** Hexadecimal digits, which YAML may take for a number. */
const readDigits =
  (key: 'usb' | 'interface', wanted: string): Reader<string> =>
  (node, context) => {
    const text = readAsWritten(node, context)?.toLowerCase()
    if (text === undefined) return undefined
    return deviceMatchSchema.safeParse({ [key]: text }).success ? text : wrongType(node, context, wanted)
  }

const readPattern: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  return text === undefined || text.startsWith('/')
    ? text
    : wrongType(node, context, 'a path such as /dev/serial/by-id/*')
}

const readMatchKeys = readShape('longshoreDeviceMatch', {
  usb: readDigits('usb', 'vendor and product such as "0403:6001"'),
  serialNumber: readAsWritten,
  interface: readDigits('interface', 'two digits such as "00"'),
  byId: readPattern,
  byPath: readPattern,
  path: readPattern,
  driver: readFilledText,
  class: readOneOf(...selectableClasses),
})

const readMatch: Reader<DeviceMatch> = (node, context) => {
  const match = readMatchKeys(node, context) as DeviceMatch | undefined
  if (match === undefined || Object.keys(match).length > 0) return match
  // What stands in it has its own fault.
  if (node.kind === 'map' && node.entries.length > 0) return undefined
  return wrongType(
    node,
    context,
    'a map that says which device is meant',
    'write usb, serialNumber, byPath or another key; `longshore devices --device ID --compose` prints them',
  )
}

const readTarget: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined || isDeviceTarget(text)) return text
  return wrongType(
    node,
    context,
    'a path under /dev that the engine does not use itself',
    'write a name of its own, such as /dev/ttyPLC',
  )
}

const readReplug: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)?.replace(/^signal:SIG/, 'signal:')
  if (text === undefined || replugSchema.safeParse(text).success) return text
  return wrongType(node, context, 'keep, restart or signal:HUP')
}

const readPermissions: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined || text === 'rw' || text === 'wr') return undefined
  return text === 'r' || text === 'w'
    ? text
    : wrongType(node, context, 'r, w or rw', 'write rw: no container may make nodes itself')
}

const readKeys = readShape('longshoreDevice', {
  match: readMatch,
  count: (node, context) =>
    node.kind === 'scalar' && node.text === 'all' ? ('all' as const) : readInteger(1, 64)(node, context),
  target: readTarget,
  // What is said where nothing is written is left out.
  required: (node, context) => (readBoolean(node, context) === false ? (false as const) : undefined),
  permissions: readPermissions,
  exclusive: readBoolean,
  onReplug: readReplug,
})

const readSelector: Reader<DeviceSelector> = (node, context) => {
  const selector = readKeys(node, context) as Partial<DeviceSelector> | undefined
  if (selector === undefined) return undefined
  const { match, count, target, ...rest } = selector
  for (const key of ['match', 'target'] as const) if (!isWritten(node, key)) missing(node, context, key)
  if (match === undefined || target === undefined) return undefined
  return { match, ...(count === undefined || count === 1 ? {} : { count }), target, ...rest }
}

const isWritten = (node: Authored, key: string): boolean =>
  node.kind === 'map' && node.entries.some((entry) => entry.key === key)

const missing = (node: Authored, context: Context, key: 'match' | 'target'): undefined =>
  context.fault(
    node,
    'value-invalid',
    `a device has no ${key}`,
    key === 'match'
      ? 'write match: with what the device is; `longshore devices --device ID --compose` prints it'
      : 'write target: with the path that the container sees, such as /dev/ttyPLC',
  )

/** Where they stand in the container says which is which: their order means nothing. */
export const readDeviceSelectors: Reader<DeviceSelector[]> = (node, context) => {
  const selectors = readList((item, inner) => {
    const selector = readSelector(item, inner)
    if (selector !== undefined) inner.origins.set(selector, item)
    return selector
  })(node, context)
  if (selectors === undefined || selectors.length === 0) return undefined
  return selectors.sort((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0))
}
