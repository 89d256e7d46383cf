/** One piece of hardware of a device, as its inventory lists it and as selectors match it. */
import { z } from 'zod'

/** Readers tolerate a class that they do not know. */
export const hostDeviceClasses = [
  'serial',
  'pty',
  'gpu',
  'npu',
  'video',
  'i2c',
  'spi',
  'gpio',
  'can',
  'sound',
  'input',
  'hid',
  'tpm',
  'watchdog',
  'usb',
] as const

export type HostDeviceClass = (typeof hostDeviceClasses)[number]

const usbSchema = z.looseObject({
  vendor: z.string().describe('four hexadecimal digits'),
  product: z.string().describe('four hexadecimal digits'),
  serialNumber: z.string().optional(),
  interface: z.string().optional().describe('two hexadecimal digits, where one adapter has several ports'),
  manufacturer: z.string().optional(),
  productName: z.string().optional(),
})

const gpuSchema = z.looseObject({
  vendor: z.string().describe('nvidia, nvidia-jetson, amd, intel, or the name of the driver'),
  uuid: z.string().optional(),
  memoryBytes: z.int().nonnegative().optional().describe('its own'),
  driverVersion: z.string().optional(),
  cudaVersion: z.string().optional().describe('the newest that the driver can run'),
  computeCapability: z.string().optional(),
  nodes: z.array(z.string()).optional().describe('all that a container needs to use it'),
})

export const hostDeviceSchema = z
  .looseObject({
    class: z.string().meta({ examples: [...hostDeviceClasses] }),
    name: z.string().describe('as the kernel names it: ttyUSB0, renderD128, can0; unique within its class'),
    node: z.string().optional().describe('its file under /dev, where it has one'),
    nodes: z.array(z.string()).optional().describe('all of its files, where it has several'),
    major: z.int().nonnegative().optional(),
    minor: z.int().nonnegative().optional(),
    gid: z.int().nonnegative().optional().describe('the group of the node'),
    group: z.string().optional().describe('its name'),
    byId: z.array(z.string()).optional().describe('links that name the adapter'),
    byPath: z.array(z.string()).optional().describe('links that name the place where it is plugged in'),
    links: z.array(z.string()).optional().describe('other links to it, as udev rules of the machine make them'),
    usb: usbSchema.optional(),
    pci: z.string().optional().describe('vendor and device of a PCI card, as 10de:2204'),
    driver: z.string().optional(),
    model: z.string().optional(),
    gpu: gpuSchema.optional(),
    usedBy: z
      .array(z.looseObject({ app: z.string(), service: z.string() }))
      .optional()
      .describe('the services that have it'),
  })
  .meta({ id: 'HostDevice' })

export type HostDevice = z.infer<typeof hostDeviceSchema>
