/** The keys of a service that say how much of the device it may have. */
import { z } from 'zod'
import { absolutePathSchema, sizeBytesSchema, withExtensions } from './schema-parts.ts'

/** What an engine calls a limit of an open number: -1. */
const openIntegerSchema = z.int().min(-1)
const microsecondsSchema = z.int().positive().describe('microseconds')

const weightSchema = z.int().min(10).max(1000)
const rateSchema = z.array(withExtensions({ path: absolutePathSchema, rate: z.int().positive() })).optional()

const blkioSchema = withExtensions({
  weight: weightSchema.optional(),
  weight_device: z.array(withExtensions({ path: absolutePathSchema, weight: weightSchema })).optional(),
  device_read_bps: rateSchema.describe('bytes a second'),
  device_read_iops: rateSchema,
  device_write_bps: rateSchema.describe('bytes a second'),
  device_write_iops: rateSchema,
})

export const limitKeys = {
  mem_limit: sizeBytesSchema.optional(),
  memswap_limit: openIntegerSchema.optional().describe('memory and swap together; -1: no limit'),
  mem_reservation: sizeBytesSchema.optional(),
  mem_swappiness: z.int().min(0).max(100).optional(),
  cpus: z.number().positive().optional(),
  cpuset: z
    .string()
    .regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/, 'must be CPUs such as 0-3 or 0,2')
    .optional(),
  cpu_shares: z.int().min(2).optional(),
  cpu_period: microsecondsSchema.optional(),
  cpu_quota: microsecondsSchema.optional(),
  cpu_rt_period: microsecondsSchema.optional(),
  cpu_rt_runtime: microsecondsSchema.optional(),
  pids_limit: z.int().optional(),
  blkio_config: blkioSchema.optional(),
  shm_size: sizeBytesSchema.optional(),
  oom_kill_disable: z.boolean().optional(),
  oom_score_adj: z.int().min(-1000).max(1000).optional(),
  ulimits: z
    .record(
      z.string().regex(/^[a-z]+$/, 'must be a limit such as nofile'),
      withExtensions({ soft: openIntegerSchema, hard: openIntegerSchema }),
    )
    .optional(),
}
