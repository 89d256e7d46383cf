/** The text of policy files to a policy; what is wrong, with file, line and path. Later files win, key by key. Pure. */
import { isCollection, isNode, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { defined } from '../../src/defined.ts'
import { formatPath } from '../../src/protocol/payload.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { defaultPolicy } from './default-policy.ts'
import { type Policy, type PolicyFile, policyFileSchema } from './policy-schema.ts'

export type PolicyText = { readonly file: string; readonly text: string }

export type ReadPolicy = { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly fault: Reason }

/** Over the default: what no file names stays as it is there. */
export const readPolicy = (texts: readonly PolicyText[]): ReadPolicy => {
  let policy = defaultPolicy
  for (const text of texts) {
    const read = readFile(text)
    if (!read.ok) return read
    policy = joinPolicy(policy, read.content)
  }
  return { ok: true, policy }
}

/** A list or a value that is named again is replaced; of the map hostPaths, each path is a key of its own. */
export const joinPolicy = (policy: Policy, file: PolicyFile): Policy => ({
  ...policy,
  ...defined(file),
  hostPaths: { ...policy.hostPaths, ...file.hostPaths },
})

const longestText = 256 * 1024

const readFile = ({
  file,
  text,
}: PolicyText):
  | { readonly ok: true; readonly content: PolicyFile }
  | { readonly ok: false; readonly fault: Reason } => {
  const fail = (line: number, message: string, path = '') => ({
    ok: false as const,
    fault: {
      code: 'policy-invalid' as const,
      message: `${file}:${line}: ${message}`,
      ...(path === '' ? {} : { path }),
    },
  })
  if (text.length > longestText) return fail(1, `is longer than ${longestText} characters`)
  const lines = new LineCounter()
  const parsed = parse(text, lines)
  if (typeof parsed === 'string') return fail(1, parsed)
  const { document, value } = parsed
  const error = document.errors[0] ?? document.warnings[0]
  if (error !== undefined) return fail(Math.max(1, lines.linePos(error.pos[0]).line), error.message)
  const result = policyFileSchema.safeParse(value ?? {})
  if (result.success) return { ok: true, content: result.data }
  const { path, message } = firstIssue(result.error)
  // The nearest node that is there: of a key that is not known, the key itself.
  const near = path.map((_, index) => path.slice(0, path.length - index)).find((steps) => document.hasIn(steps))
  const offset = near === undefined ? undefined : keyOffset(document.getIn(near.slice(0, -1), true), near.at(-1))
  const line = offset === undefined ? 1 : lines.linePos(offset).line
  return fail(Math.max(1, line), `${formatPath(path) || 'the policy'}: ${message}`, formatPath(path))
}

const parse = (text: string, lineCounter: LineCounter) => {
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false })
    return {
      document,
      value: document.errors.length > 0 ? undefined : (document.toJS({ maxAliasCount: 100 }) as unknown),
    }
  } catch (error) {
    return `cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`
  }
}

const firstIssue = (error: z.ZodError): { path: (string | number)[]; message: string } => {
  const issue = error.issues[0]
  const path = (issue?.path ?? []).filter((step) => typeof step !== 'symbol') as (string | number)[]
  if (issue?.code === 'unrecognized_keys')
    return { path: [...path, issue.keys[0] ?? ''], message: 'is not a key of a policy' }
  if (issue?.code === 'invalid_key') return { path, message: issue.issues[0]?.message ?? 'is not a valid key' }
  return { path, message: issue?.message ?? 'is not valid' }
}

const keyOffset = (parent: unknown, key: string | number | undefined): number | undefined => {
  if (!isCollection(parent)) return undefined
  for (const [index, item] of parent.items.entries()) {
    if (index === key && isNode(item)) return item.range?.[0]
    if (
      typeof item === 'object' &&
      item !== null &&
      'key' in item &&
      isNode(item.key) &&
      String(item.key) === String(key)
    )
      return item.key.range?.[0]
  }
  return undefined
}
