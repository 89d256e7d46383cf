/** Devices of the machine for a service: `devices`, `device_cgroup_rules`, `gpus` and `reservations.devices`. */
import { type Authored, quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Service } from './model.ts'
import { cdiPattern, type DeviceRequest } from './model-devices.ts'
import { readSettings } from './read-host.ts'
import { readShape } from './read-shape.ts'
import { readFilledText, readInteger, readList, readSet, wrongType } from './read-values.ts'

type Device = NonNullable<Service['devices']>[number]

/** Where it stands in the container says which device it is: the order means nothing. */
export const readDevices: Reader<Device[]> = (node, context) => {
  const devices = readList((item, inner) => {
    const device = item.kind === 'map' ? readLong(item, inner) : readShort(item, inner)
    if (device !== undefined) inner.origins.set(device, item)
    return device
  })(node, context)
  if (devices === undefined || devices.length === 0) return undefined
  const seen = new Map(devices.map((device) => [JSON.stringify(device), device]))
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, device]) => device)
}

const readShort = (node: Authored, context: Context): Device | undefined => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  if (cdiPattern.test(text)) return { source: text }
  const [source = '', second, third, ...more] = text.split(':')
  // `/dev/x:rwm` has no target, as with docker run.
  const isMode = second !== undefined && third === undefined && permissionsOf(second) !== undefined
  const target = isMode ? source : (second ?? source)
  const permissions = permissionsOf((isMode ? second : third) ?? 'rwm')
  if (more.length > 0 || !source.startsWith('/') || !target.startsWith('/') || permissions === undefined)
    return context.fault(
      node,
      'value-invalid',
      `${quote(text)} is not a device`,
      'write /dev/x, /dev/x:/dev/y or /dev/x:/dev/y:rwm, or a name of CDI such as vendor.com/class=name',
    )
  return oneSpelling(source, target, permissions)
}

const readLong = (node: Authored, context: Context): Device | undefined => {
  const shape = readDeviceKeys(node, context) as Partial<Device> | undefined
  if (shape === undefined) return undefined
  const { source, target, permissions, ...extensions } = shape
  if (source === undefined) {
    const isWritten = node.kind === 'map' && node.entries.some(({ key }) => key === 'source')
    return isWritten ? undefined : wrongType(node, context, 'a map with a source')
  }
  if (cdiPattern.test(source)) return { ...extensions, source }
  return { ...extensions, ...oneSpelling(source, target ?? source, permissions ?? 'rwm') }
}

const readDevicePath: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  return text === undefined || text.startsWith('/') ? text : wrongType(node, context, 'a path such as /dev/ttyUSB0')
}

const readDeviceKeys = readShape('device', {
  source: (node, context) => {
    const text = readFilledText(node, context)
    return text !== undefined && cdiPattern.test(text) ? text : readDevicePath(node, context)
  },
  target: readDevicePath,
  permissions: (node, context) => {
    const text = readFilledText(node, context)
    return text === undefined ? undefined : (permissionsOf(text) ?? wrongType(node, context, 'letters of rwm'))
  },
})

const oneSpelling = (source: string, target: string, permissions: string): Device => ({
  source,
  ...(target === source ? {} : { target }),
  ...(permissions === 'rwm' ? {} : { permissions }),
})

/** In their one order; undefined: not only of these letters, or one twice. */
const permissionsOf = (text: string): string | undefined =>
  /^(?!.*(.).*\1)[rwm]{1,3}$/.test(text) ? [...'rwm'].filter((letter) => text.includes(letter)).join('') : undefined

export const readDeviceRule: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  if (text === undefined) return undefined
  const [, device, letters = ''] =
    /^([acb] (?:\d+|\*):(?:\d+|\*)) ([rwm]+)$/.exec(text.trim().replace(/\s+/g, ' ')) ?? []
  const permissions = permissionsOf(letters)
  if (device !== undefined && permissions !== undefined) return `${device} ${permissions}`
  return wrongType(node, context, 'a rule such as "c 188:* rwm"')
}

const readCount: Reader<number | 'all'> = (node, context) => {
  if (node.kind === 'scalar' && (node.text === 'all' || node.text === '-1')) return 'all'
  return readInteger(1)(node, context)
}

const requestRows = {
  driver: readFilledText,
  count: readCount,
  device_ids: readSet(readFilledText),
  capabilities: readSet(readFilledText),
  options: readSettings,
}

const requestReader =
  (readKeys: Reader<Record<string, unknown>>): Reader<DeviceRequest> =>
  (node, context) => {
    const request = readKeys(node, context) as DeviceRequest | undefined
    if (request === undefined) return undefined
    if (request.count !== undefined && request.device_ids !== undefined)
      return context.fault(node, 'value-invalid', 'both count and device_ids say which', 'keep one of them')
    // All of them is what neither key means.
    const { count, ...rest } = request
    return count === undefined || count === 'all' ? rest : request
  }

const readRequest = requestReader(readShape('deviceRequest', requestRows))
const readGpu = requestReader(readShape('gpu', requestRows))

/** `all`, or a list of requests. */
export const readGpus: Reader<DeviceRequest[]> = (node, context) => {
  if (node.kind === 'scalar' && node.value === 'all') return [{}]
  if (node.kind !== 'list') return wrongType(node, context, 'all, or a list')
  const gpus = readList(readGpu)(node, context)
  return gpus === undefined || gpus.length === 0 ? undefined : gpus
}

/** Of what is reserved: without a capability the engine would not know which driver is meant. */
export const readReservedDevices: Reader<DeviceRequest[]> = (node, context) => {
  const devices = readList((item, inner) => {
    const request = readRequest(item, inner)
    if (request === undefined || request.capabilities !== undefined) return request
    return wrongType(item, inner, 'a map with capabilities', 'write capabilities: [gpu], or what the driver calls it')
  })(node, context)
  return devices === undefined || devices.length === 0 ? undefined : devices
}
