/** A model as a compose.yaml that reads back as the same model. */
import { Document, isScalar, visit } from 'yaml'
import { escapeDollars } from './interpolate.ts'
import type { Model } from './model.ts'

export const writeCompose = (model: Model): string => {
  const document = new Document(escaped(model), { aliasDuplicateObjects: false })
  visit(document, {
    Pair: (_, { key }) => {
      // Without quotes it would be read as a merge.
      if (isScalar(key) && key.value === '<<') key.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 })
}

const escaped = (value: unknown): unknown => {
  if (typeof value === 'string') return escapeDollars(value)
  if (Array.isArray(value)) return value.map(escaped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)]))
}
