/** How much of the device a service may have: `ulimits`, `blkio_config` and the keys that count in units of their own. */
import { type Authored, isNull } from './authored.ts'
import type { Context, Reader } from './context.ts'
import type { Service } from './model.ts'
import { orNothing, readShape } from './read-shape.ts'
import {
  readAsWritten,
  readEntries,
  readFilledText,
  readInteger,
  readList,
  readSize,
  wrongType,
} from './read-values.ts'
import { parseDurationMs } from './units.ts'

/** -1 is no limit; 0 is as if the key were not there. */
export const readMemorySwap: Reader<number> = (node, context) => {
  if (node.kind === 'scalar' && node.text === '-1') return -1
  return readSize(node, context) || undefined
}

/** A whole number of microseconds, or a duration; 0 is as if the key were not there. */
export const readMicroseconds: Reader<number> = (node, context) => {
  if (node.kind !== 'scalar' || isNull(node)) return wrongType(node, context, 'microseconds or a duration')
  const microseconds = /^\d+$/.test(node.text) ? Number(node.text) : (parseDurationMs(node.text) ?? Number.NaN) * 1000
  if (!Number.isSafeInteger(microseconds)) return wrongType(node, context, 'microseconds or a duration')
  return microseconds || undefined
}

/** 0 and 1 are what the kernel makes of no share at all: as if the key were not there. */
export const readShares: Reader<number> = (node, context) => {
  const shares = readInteger(0)(node, context)
  return shares === undefined || shares < 2 ? undefined : shares
}

export const readAdjustment: Reader<number> = (node, context) => readInteger(-1000, 1000)(node, context) || undefined

export const readCpuSet: Reader<string> = (node, context) => {
  const text = readAsWritten(node, context)
  if (text === undefined || /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text
  return wrongType(node, context, 'CPUs such as 0-3 or 0,2')
}

type Ulimits = NonNullable<Service['ulimits']>

/** `nofile: 1024` or `nofile: {soft: 1024, hard: 2048}`. */
export const readUlimits: Reader<Ulimits> = orNothing((node, context) =>
  readEntries(node, context, (value, _, { key, keyPlace }) => {
    if (!/^[a-z]+$/.test(key))
      return context.fault(
        { path: value.path, place: keyPlace },
        'value-invalid',
        `${key} is no limit`,
        'write a name such as nofile',
      )
    return readUlimit(value, context)
  }),
)

const readUlimit = (node: Authored, context: Context): Ulimits[string] | undefined => {
  if (node.kind !== 'map') {
    const limit = readInteger(-1)(node, context)
    return limit === undefined ? undefined : { soft: limit, hard: limit }
  }
  const limits = readUlimitKeys(node, context) as Ulimits[string] | undefined
  if (limits === undefined || (limits.soft !== undefined && limits.hard !== undefined)) return limits
  const isWritten = ['soft', 'hard'].every((key) => node.entries.some((entry) => entry.key === key))
  return isWritten ? undefined : wrongType(node, context, 'a number, or a map with soft and hard')
}

const readUlimitKeys = readShape('ulimit', { soft: readInteger(-1), hard: readInteger(-1) })

type OfDevice = { path: string; weight?: number; rate?: number }

/** The order of devices means nothing. */
const readDevices =
  (readOne: Reader<Record<string, unknown>>, amount: 'weight' | 'rate'): Reader<OfDevice[]> =>
  (node, context) => {
    const devices = readList((item, inner) => {
      const device = readOne(item, inner) as OfDevice | undefined
      if (device === undefined) return undefined
      for (const key of ['path', amount] as const)
        if (item.kind === 'map' && !item.entries.some((entry) => entry.key === key))
          return wrongType(item, inner, `a map with path and ${amount}`)
      if (device.path === undefined || device[amount] === undefined) return undefined
      inner.origins.set(device, item)
      return device
    })(node, context)
    if (devices === undefined || devices.length === 0) return undefined
    return devices.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  }

const readDevicePath: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)
  return text === undefined || text.startsWith('/') ? text : wrongType(node, context, 'a device such as /dev/sda')
}

const readWeight = readInteger(10, 1000)
const readBytesRate: Reader<number> = (node, context) =>
  readSize(node, context) || wrongType(node, context, 'bytes a second such as 1m')

const weights = readDevices(readShape('blkioWeight', { path: readDevicePath, weight: readWeight }), 'weight')
const bytesRates = readDevices(readShape('blkioRate', { path: readDevicePath, rate: readBytesRate }), 'rate')
const rates = readDevices(readShape('blkioRate', { path: readDevicePath, rate: readInteger(1) }), 'rate')

export const readBlkio: Reader<Record<string, unknown>> = orNothing(
  readShape('blkio', {
    // 0 is what Compose writes for no weight.
    weight: (node, context) => (node.kind === 'scalar' && node.text === '0' ? undefined : readWeight(node, context)),
    weight_device: weights,
    device_read_bps: bytesRates,
    device_read_iops: rates,
    device_write_bps: bytesRates,
    device_write_iops: rates,
  }),
)
