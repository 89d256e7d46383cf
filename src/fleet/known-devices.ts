/**
 * Which key a device had when a secret was first set for it. The broker hands the key out, and so could hand out another:
 * what was seen first is what later ones are held against. Pure.
 */
import { z } from 'zod'
import { deviceIdSchema, recipientSchema, rootSchema } from '../protocol/names.ts'

const knownDeviceSchema = z.object({
  broker: z.string(),
  root: rootSchema,
  device: deviceIdSchema,
  recipient: recipientSchema,
  pinnedAt: z.iso.datetime(),
})

export const knownDevicesSchema = z.object({ schema: z.literal(1), devices: z.array(knownDeviceSchema) })

export type KnownDevice = z.infer<typeof knownDeviceSchema>
export type KnownDevices = z.infer<typeof knownDevicesSchema>

/** A device id means something under one root of one broker only. */
export type DeviceKey = Pick<KnownDevice, 'broker' | 'root' | 'device'>

export const noKnownDevices: KnownDevices = { schema: 1, devices: [] }

export const keyOf = (brokerUrl: string, root: string, device: string): DeviceKey => ({
  broker: brokerName(brokerUrl),
  root,
  device,
})

export const pinnedRecipient = (known: KnownDevices, key: DeviceKey): string | undefined =>
  known.devices.find((one) => isSame(one, key))?.recipient

/** Takes the place of what was pinned before. Sorted, for people who compare such files. */
export const pin = (known: KnownDevices, key: DeviceKey, recipient: string, now: number): KnownDevices => ({
  schema: 1,
  devices: [
    ...known.devices.filter((one) => !isSame(one, key)),
    { ...key, recipient, pinnedAt: new Date(now).toISOString() },
  ].sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1)),
})

const isSame = (a: DeviceKey, b: DeviceKey): boolean => textOf(a) === textOf(b)

const textOf = ({ broker, root, device }: DeviceKey): string => `${broker} ${root} ${device}`

const schemes: Readonly<Record<string, readonly [name: string, port: string]>> = {
  'mqtt:': ['mqtt', '1883'],
  'tcp:': ['mqtt', '1883'],
  'mqtts:': ['mqtts', '8883'],
  'ssl:': ['mqtts', '8883'],
  'ws:': ['ws', '80'],
  'wss:': ['wss', '443'],
}

/** One spelling for a broker, and no user or password that a URL may carry. */
const brokerName = (brokerUrl: string): string => {
  const url = new URL(brokerUrl)
  const [scheme, usualPort] = schemes[url.protocol] ?? [url.protocol.replace(':', ''), '']
  const path = url.pathname === '/' ? '' : url.pathname
  return `${scheme}://${url.hostname.toLowerCase()}:${url.port || usualPort}${path}`
}
