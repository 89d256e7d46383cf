/** `<device>/inventory`: what a device is. Retained, QoS 1; on change, on connect without a session, on `refresh`. */
import { z } from 'zod'
import { hostDeviceSchema } from './host-device.ts'
import { epochMsSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

const policyStatusSchema = z.looseObject({
  source: z.enum(['default', 'file']),
  files: z.array(z.string()).describe('those that it was joined from, in this order'),
  fault: reasonSchema.optional().describe('why the files that stand there now are not in force'),
})

export type PolicyStatus = { source: 'default' | 'file'; files: string[]; fault?: z.infer<typeof reasonSchema> }

export const inventorySchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    session: z.int().nonnegative(),
    hostname: z.string(),
    os: z.looseObject({ name: z.string(), version: z.string(), kernel: z.string() }),
    arch: z.string().describe('as Node names it: x64, arm64, arm'),
    model: z.string().optional().describe('board or machine, where it tells'),
    cpuCount: z.int().nonnegative(),
    memoryBytes: z.int().nonnegative(),
    cpu: z.looseObject({ model: z.string() }).optional(),
    disks: z
      .array(z.looseObject({ name: z.string(), sizeBytes: z.int().nonnegative(), model: z.string().optional() }))
      .optional()
      .describe('their sizes; how full they are is telemetry'),
    networkInterfaces: z
      .array(z.looseObject({ name: z.string(), kind: z.string(), mac: z.string().optional() }))
      .optional()
      .describe('those that are hardware, and CAN; kind is ethernet, wifi, wwan, can or other'),
    devices: z.array(hostDeviceSchema).optional().describe('what can be given to containers'),
    cdi: z.array(z.string()).optional().describe('names of the Container Device Interface, as nvidia.com/gpu=0'),
    features: z
      .record(z.string(), z.looseObject({ available: z.boolean(), reason: z.string().optional() }))
      .optional()
      .describe('what the agent can do on this machine, and why not'),
    engine: z
      .looseObject({
        name: z.string(),
        version: z.string(),
        apiVersion: z.string(),
        os: z.string(),
        arch: z.string(),
        platform: z.string().optional().describe('of the images that it runs, as linux/arm/v7'),
        storageDriver: z.string(),
        dataRoot: z.string().optional().describe('the folder of its images and containers'),
        cgroupVersion: z.string(),
        loggingDriver: z.string().optional().describe('of containers for which nobody says another'),
        runtimes: z.array(z.string()).optional().describe('by their names'),
        hasCdi: z.boolean().optional().describe('hands over devices of the Container Device Interface'),
        userNamespaces: z
          .enum(['remapped', 'rootless'])
          .optional()
          .describe('absent: the users of containers are those of the machine'),
      })
      .nullable()
      .describe('null while no engine answers'),
    agent: z.looseObject({ version: z.string(), startedAt: epochMsSchema, namePrefix: z.string() }),
    labels: z.record(z.string(), z.string()).optional().describe('what deploy.placement may ask for'),
    timeZone: z.string().optional().describe('in which maintenance windows are read'),
    // Any text: one that this version cannot use must not cost the reader the rest of the inventory.
    recipient: z
      .string()
      .optional()
      .describe('age recipient that secrets for this device are sealed for: age1 and 58 of 0-9 a-z'),
    faults: z
      .array(reasonSchema)
      .optional()
      .describe('what somebody has to mend: files in its state folder that could not be understood, its id'),
    policy: policyStatusSchema.optional().describe('what decides which deployments the device takes'),
    capabilities: z.array(z.string()).describe('the command verbs that the agent answers'),
  })
  .meta({ id: 'Inventory' })

export type Inventory = z.infer<typeof inventorySchema>
