/** What the schemas of the model are made of. */
import { z } from 'zod'
import { parseDurationMs } from './units.ts'

export const durationSchema = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, { error: 'must be a duration such as 1m30s' })
export const sizeBytesSchema = z.int().nonnegative()
export const stringMapSchema = z.record(z.string(), z.string())
export const absolutePathSchema = z.string().regex(/^\/[^\0]*$/, 'must be an absolute path')

/** Keys that start with `x-` are carried and ignored, as Compose does; any other unknown key is refused. Ours has one place. */
export const withExtensions = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.looseObject(shape).superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(shape, key) && (!key.startsWith('x-') || key === 'x-longshore'))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'is not a key that this version supports',
          params: { unknownKey: true },
        })
    }
  })
