/** A reason as it stands on the wire, and the error that carries one inside a process. */
import { z } from 'zod'
import { type Code, codeNames } from './codes.ts'

/** Readers tolerate a code that they do not know: a newer agent may say more. */
export const reasonSchema = z
  .object({
    code: z.string().meta({ examples: [...codeNames] }),
    message: z.string(),
    path: z.string().optional().describe('the field at fault, as in services.web.ports[0]'),
  })
  .meta({ id: 'Reason' })

/** As read from the wire or the disk, where the code may be one that this version does not know. */
export type WireReason = z.infer<typeof reasonSchema>

export type Reason = { readonly code: Code; readonly message: string; readonly path?: string }

/** Where in a file something is wrong; line and column count from 1. */
export type Place = { readonly file: string; readonly line?: number; readonly column?: number }

/** The one error class: branch on `code`. The message names the operation and the value, without a full stop. */
export class LongshoreError extends Error {
  readonly code: Code
  readonly path: string | undefined
  readonly place: Place | undefined

  constructor(code: Code, message: string, details: { path?: string; place?: Place; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'LongshoreError'
    this.code = code
    this.path = details.path
    this.place = details.place
  }
}

/** The reason that an error stands for; an error that is not ours is `internal-error`. */
export const reasonOf = (error: unknown): Reason => {
  if (error instanceof LongshoreError)
    return { code: error.code, message: error.message, ...(error.path === undefined ? {} : { path: error.path }) }
  return { code: 'internal-error', message: error instanceof Error ? error.message : String(error) }
}
