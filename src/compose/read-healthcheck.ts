/** `healthcheck`: a text is a shell's, a list begins with its kind, and every way to switch it off is `["NONE"]`. */
import { describe } from './authored.ts'
import type { Reader } from './context.ts'
import type { Healthcheck } from './model.ts'
import { orNothing, readShape } from './read-shape.ts'
import { readDuration, readInteger, readSwitch, readText, readTexts, wrongType } from './read-values.ts'

export const readHealthcheck: Reader<Healthcheck> = (node, context) => {
  const shape = readParts(node, context)
  if (shape === undefined) return undefined
  const { disable, ...healthcheck } = shape as Healthcheck & { disable?: true }
  return disable || healthcheck.test?.[0] === 'NONE' ? { test: ['NONE'] } : healthcheck
}

const readTest: Reader<string[]> = (node, context) => {
  if (node.kind === 'scalar') {
    const text = readText(node, context)
    if (text === undefined) return undefined
    if (text.trim() === '') return wrongType(node, context, 'a command')
    return text.toLowerCase() === 'none' ? ['NONE'] : ['CMD-SHELL', text]
  }
  if (node.kind !== 'list') return wrongType(node, context, 'a command, as a text or a list')
  const words = readTexts(node, context)
  // A word at fault was said already.
  if (words === undefined || words.length < node.items.length) return undefined
  const [kind, ...rest] = words
  const isWhole =
    (kind === 'NONE' && rest.length === 0) ||
    (kind === 'CMD' && rest.length > 0) ||
    (kind === 'CMD-SHELL' && rest.length === 1)
  if (isWhole) return words
  const first = node.items[0]
  return context.fault(
    node,
    'value-invalid',
    `a test in list form cannot begin with ${first === undefined ? 'nothing' : describe(first)} and ${rest.length} more`,
    'write ["CMD", program, …], ["CMD-SHELL", "a command line"] or ["NONE"]',
  )
}

const readParts = orNothing(
  readShape('healthcheck', {
    test: readTest,
    disable: readSwitch,
    interval: readDuration,
    timeout: readDuration,
    start_period: readDuration,
    start_interval: readDuration,
    retries: readInteger(0),
  }),
)
