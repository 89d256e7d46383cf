/** A map of the model: its own keys, and those that start with `x-`, carried and ignored as Compose does. */
import { z } from 'zod'

/** Any other unknown key is refused. Ours, `x-longshore`, has its places, and no others. */
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
