/** From where on a device calls itself degraded; failing at a third of it, or 10 °C above. */
import { z } from 'zod'

export const healthLimitsSchema = z
  .strictObject({
    diskFreePercent: z.number().min(0).max(100).default(10).describe('of any disk, and of the files that it can hold'),
    memoryFreePercent: z.number().min(0).max(100).default(10).describe('that can be had without swapping'),
    temperatureCelsius: z.number().min(0).max(200).default(85).describe('of any sensor'),
  })
  .prefault({})
  .describe('from where on the device calls itself degraded')

export const usualHealthLimits = healthLimitsSchema.parse(undefined)
