/** Bytes from the wire to a checked message. Nothing here throws, whatever the bytes are. */
import { z } from 'zod'
import type { Reason } from './reason.ts'

/** The longest payload that a device takes by default; brokers with less set `maxBytes`. */
export const defaultMaxBytes = 256 * 1024

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: Reason }

const envelopeSchema = z.looseObject({ schema: z.unknown() })

/** Parses and validates one message. Unknown fields are kept: a newer sender may say more than we know. */
export const readPayload = <T>(schema: z.ZodType<T>, payload: Uint8Array, maxBytes = defaultMaxBytes): Read<T> => {
  if (payload.byteLength > maxBytes)
    return refuse({
      code: 'payload-too-large',
      message: `the payload has ${payload.byteLength} bytes, ${maxBytes} are accepted`,
    })
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
  } catch (error) {
    return refuse({ code: 'payload-not-json', message: `the payload is not JSON: ${(error as Error).message}` })
  }
  const envelope = envelopeSchema.safeParse(json)
  if (envelope.success && envelope.data.schema !== undefined && envelope.data.schema !== 1)
    return refuse({
      code: 'schema-unsupported',
      message: `schema is ${JSON.stringify(envelope.data.schema).slice(0, 40)}, this end speaks 1`,
      path: 'schema',
    })
  const result = schema.safeParse(json)
  if (result.success) return { ok: true, value: result.data }
  return refuse({ code: 'message-invalid', ...describeIssue(result.error) })
}

/** Canonical field order is not needed on the wire, only in digests. */
export const writePayload = (message: object): Buffer => Buffer.from(JSON.stringify(message))

/** The first fault of a zod error as one message and one path, `services.web.ports[0]`. */
export const describeIssue = (error: z.ZodError): { message: string; path: string } => {
  const issue = deepest(error.issues)
  const path = formatPath(issue.path)
  return { message: `${path || 'the message'}: ${issue.message}`, path }
}

/** Of a union's branches, the one that got furthest says most about what was meant. */
const deepest = (
  issues: readonly z.core.$ZodIssue[],
  base: readonly PropertyKey[] = [],
): { path: PropertyKey[]; message: string } => {
  const first = issues[0]
  if (first === undefined) return { path: [...base], message: 'is not valid' }
  const path = [...base, ...first.path]
  if (first.code === 'invalid_union' && first.errors.length > 0) {
    const branches = first.errors.filter((branch) => branch.length > 0)
    const fewest = [...branches].sort((a, b) => a.length - b.length)[0]
    if (fewest !== undefined) return deepest(fewest, path)
  }
  return { path, message: first.message }
}

export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    return text === '' ? String(step) : `${text}.${String(step)}`
  }, '')

const refuse = (reason: Reason) => ({ ok: false, reason }) as const
