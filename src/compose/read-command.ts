/** `command` and `entrypoint`: a list as it stands, a text split as a shell would; empty clears what the image has. */
import { isNull } from './authored.ts'
import type { Reader } from './context.ts'
import { readText, readTexts, wrongType } from './read-values.ts'
import { shellWords } from './shell-words.ts'

export const readCommand: Reader<string[]> = (node, context) => {
  // Compose: null is what the image says.
  if (isNull(node)) return undefined
  if (node.kind === 'list') return readTexts(node, context)
  if (node.kind === 'map') return wrongType(node, context, 'a text or a list of texts')
  const text = readText(node, context)
  if (text === undefined) return undefined
  const split = shellWords(text)
  if (split.ok) return split.words
  return context.fault(node, 'value-invalid', `the command line ${split.message}`, 'mend the quotes, or write a list')
}
