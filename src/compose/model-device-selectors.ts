/** `x-longshore.devices` of a service: hardware found by what it is, not by the name that the kernel gave it today. */
import { z } from 'zod'
import type { HostDeviceClass } from '../protocol/host-device.ts'
import { absolutePathSchema } from './schema-parts.ts'

/** The classes of the inventory that have a node to hand to a container. */
export const selectableClasses = [
  'serial',
  'video',
  'gpu',
  'npu',
  'i2c',
  'spi',
  'gpio',
  'sound',
  'input',
  'hid',
  'tpm',
  'watchdog',
  'usb',
] as const satisfies readonly HostDeviceClass[]

/** Paths in which `*` stands for any text within one step. */
const pathPatternSchema = absolutePathSchema

/** All that is written must hold. */
export const deviceMatchSchema = z
  .strictObject({
    usb: z
      .string()
      .regex(/^[0-9a-f]{4}:([0-9a-f]{4}|\*)$/, 'must be vendor:product in hexadecimal digits, as 0403:6001 or 0403:*')
      .optional(),
    serialNumber: z.string().min(1).optional(),
    interface: z
      .string()
      .regex(/^[0-9a-f]{2}$/, 'must be two hexadecimal digits, as 00')
      .optional()
      .describe('of an adapter with several ports'),
    byId: pathPatternSchema.optional().describe('a link under /dev, such as /dev/serial/by-id/*'),
    byPath: pathPatternSchema.optional().describe('a link that names the socket it is plugged in'),
    path: pathPatternSchema.optional().describe('the node itself, or any link to it'),
    driver: z.string().min(1).optional(),
    class: z.enum(selectableClasses).optional(),
  })
  .refine((match) => Object.keys(match).length > 0, { error: 'must say which device is meant' })

/** Made by every engine in every container: a target of ours must not hide them. */
const ownNodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'console', 'ptmx', 'stdin', 'stdout', 'stderr']
const ownFolders = ['pts', 'shm', 'mqueue', 'fd', 'core']

export const isDeviceTarget = (path: string): boolean => {
  const [root, first = '', ...rest] = path.split('/').slice(1)
  const steps = [first, ...rest]
  if (root !== 'dev' || !path.startsWith('/') || steps.some((step) => !/^[A-Za-z0-9._+:@{}-]+$/.test(step)))
    return false
  if (steps.some((step) => step === '.' || step === '..')) return false
  return !ownFolders.includes(first) && !(rest.length === 0 && ownNodes.includes(first))
}

export const replugSchema = z
  .string()
  .regex(/^(keep|restart|signal:[A-Z][A-Z0-9]*([+-]\d+)?)$/, 'must be keep, restart, or signal: and its name')

export const deviceSelectorSchema = z.strictObject({
  match: deviceMatchSchema,
  count: z
    .union([z.literal('all'), z.int().min(1).max(64)])
    .optional()
    .describe('absent: one'),
  target: z
    .string()
    .refine(isDeviceTarget, { error: 'must be a path under /dev that the engine does not use itself' })
    .describe('where the container sees it; {n} counts from 0 where there are several'),
  required: z.literal(false).optional().describe('absent: without it the service waits'),
  permissions: z
    .string()
    .regex(/^(?=.)r?w?$/, 'must be r, w or rw')
    .optional()
    .describe('absent: rw'),
  exclusive: z.boolean().optional().describe('absent: true for serial ports'),
  onReplug: replugSchema.optional().describe('absent: keep where the device can, else restart'),
})

export type DeviceMatch = z.infer<typeof deviceMatchSchema>
export type DeviceSelector = z.infer<typeof deviceSelectorSchema>
