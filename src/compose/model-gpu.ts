/** `x-longshore.gpu` of a service: what a GPU must be, beyond what Compose can say. */
import { z } from 'zod'

const versions = /^(>=|<=|>|<)\d{1,4}(\.\d{1,4}){0,2}( (>=|<=|>|<)\d{1,4}(\.\d{1,4}){0,2})?$/

const versionRangeSchema = z.string().regex(versions, 'must be a range of versions such as >=12')

export const gpuNeedsSchema = z.strictObject({
  vendor: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be a vendor such as nvidia, amd or intel')
    .optional(),
  count: z.int().min(1).max(64).optional().describe('at least so many; absent: one'),
  memory: z.int().positive().optional().describe('bytes of its own that each has at least'),
  cuda: versionRangeSchema.optional().describe('of the newest CUDA that the driver can run'),
  computeCapability: versionRangeSchema.optional(),
  recreateWhenLost: z
    .literal(true)
    .optional()
    .describe('a running container that its GPU was taken from is made anew; absent: it is left alone'),
})

export type GpuNeeds = z.infer<typeof gpuNeedsSchema>

/** Whether a version is within a range such as `>=12 <13`; part by part, what is not written being 0. */
export const isWithin = (version: string, range: string): boolean =>
  range.split(' ').every((part) => {
    const [, operator = '', bound = ''] = /^(>=|<=|>|<)(.*)$/.exec(part) ?? []
    const order = compareVersions(version, bound)
    return operator === '>=' ? order >= 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order < 0
  })

const compareVersions = (one: string, other: string): number => {
  const [a, b] = [one, other].map((text) => text.split('.').map(Number))
  for (let index = 0; index < 3; index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
