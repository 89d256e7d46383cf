/** A model that came over the wire, checked as a whole. Does not load the YAML reader: the agent stays small. */
import type { Code } from '../protocol/codes.ts'
import { formatPath } from '../protocol/payload.ts'
import { checkModel } from './check.ts'
import { type Model, modelSchema } from './model.ts'

export type ModelFault = { readonly code: Code; readonly path: string; readonly message: string }

export type Validated =
  | { readonly ok: true; readonly model: Model }
  | { readonly ok: false; readonly faults: readonly ModelFault[] }

/** Never throws, whatever the value is. */
export const validateModel = (value: unknown): Validated => {
  const parsed = modelSchema.safeParse(value)
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue): ModelFault => {
      const path = formatPath(issue.path)
      const isKey = issue.code === 'custom' && issue.message.startsWith('is not a key')
      return { code: isKey ? 'key-unsupported' : 'value-invalid', path, message: `${path}: ${issue.message}` }
    })
    return { ok: false, faults }
  }
  const faults = checkModel(parsed.data).map(({ code, path, message }) => ({ code, path: formatPath(path), message }))
  return faults.length > 0 ? { ok: false, faults } : { ok: true, model: parsed.data }
}
