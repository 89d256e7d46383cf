/** `deploy` in the model. What steers an update is no part of a container. */
import { z } from 'zod'
import { deviceRequestSchema } from './model-devices.ts'
import { parseConstraint } from './placement.ts'
import { durationSchema, sizeBytesSchema, withExtensions } from './schema-parts.ts'

/** More containers of one service than one device has a use for are a slip of the keyboard. */
export const mostReplicas = 100

const changeKeys = {
  monitor: durationSchema.optional(),
  delay: durationSchema.optional(),
  max_failure_ratio: z.number().min(0).max(1).optional(),
  order: z.enum(['stop-first', 'start-first']).optional(),
  parallelism: z.int().nonnegative().optional().describe('0: all at once'),
}

export const deploySchema = withExtensions({
  mode: z.literal('replicated-job').optional().describe('absent: it is kept running'),
  replicas: z.int().min(0).max(mostReplicas).optional().describe('absent: 1'),
  placement: withExtensions({
    constraints: z
      .array(z.string().refine((text) => parseConstraint(text).ok, { error: 'must be as node.labels.line == 3' }))
      .optional()
      .describe('all of them must hold on the device that takes the deployment'),
  }).optional(),
  resources: withExtensions({
    limits: withExtensions({
      cpus: z.number().positive().optional(),
      memory: sizeBytesSchema.optional(),
      pids: z.int().optional(),
    }).optional(),
    reservations: withExtensions({
      memory: sizeBytesSchema.optional(),
      devices: z.array(deviceRequestSchema).optional(),
    }).optional(),
  }).optional(),
  update_config: withExtensions({
    ...changeKeys,
    failure_action: z.enum(['continue', 'pause', 'rollback']).optional(),
  }).optional(),
  rollback_config: withExtensions({
    ...changeKeys,
    failure_action: z.enum(['continue', 'pause']).optional(),
  }).optional(),
})
