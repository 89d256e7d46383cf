/** A device's own verdict on its health: in its retained `status`, in events, and on its own socket. */
import { z } from 'zod'
import { epochMsSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

export const healthSeverities = ['degraded', 'failing'] as const

/** ok: nothing is wrong. degraded: somebody should look. failing: it cannot do its work, or soon will not. */
export const healthVerdicts = ['ok', ...healthSeverities] as const

export const healthSchema = z
  .looseObject({
    verdict: z.enum(healthVerdicts),
    since: epochMsSchema.describe('when the verdict became this one'),
    reasons: z.array(reasonSchema.extend({ severity: z.enum(healthSeverities) })).describe('the worst first; none: ok'),
  })
  .meta({ id: 'Health' })

export type HealthSeverity = (typeof healthSeverities)[number]
export type HealthVerdict = (typeof healthVerdicts)[number]
export type Health = z.infer<typeof healthSchema>
