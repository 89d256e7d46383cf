/** What the agent answers on its socket, to `longshore load` on the same machine. */
import { z } from 'zod'
import { deviceIdSchema, generationSchema } from './names.ts'
import { reasonSchema } from './reason.ts'
import { refusals } from './reported.ts'

/** The socket in the state folder of an agent. */
export const socketName = 'agent.sock'

/** What becomes of a bundle, or would become. */
export const judgementSchema = z.object({
  device: deviceIdSchema,
  generation: generationSchema,
  kind: z.enum(['accepted', 'known', 'refused']),
  outcome: z.enum(refusals).optional(),
  reason: reasonSchema.optional().describe('why it is refused'),
  missing: z.array(z.string()).describe('references of its images that are not on the engine'),
})

export const localErrorSchema = z.object({ error: reasonSchema })

export type Judgement = z.infer<typeof judgementSchema>
