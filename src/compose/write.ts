/** A model as a compose.yaml that reads back as the same model. */
import { stringify } from 'yaml'
import { escapeDollars } from './interpolate.ts'
import type { Model } from './model.ts'

export const writeCompose = (model: Model): string =>
  stringify(escaped(model), { lineWidth: 0, aliasDuplicateObjects: false })

const escaped = (value: unknown): unknown => {
  if (typeof value === 'string') return escapeDollars(value)
  if (Array.isArray(value)) return value.map(escaped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)]))
}
