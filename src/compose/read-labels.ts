/** `label_file`: labels from files beside the Compose file, under those written in `labels`. */
import { quote } from './authored.ts'
import type { Context, Reader } from './context.ts'
import { parseEnvFile } from './env-file.ts'
import { readFilledText } from './read-values.ts'

/** A later file wins over an earlier one. */
export const readLabelFiles: Reader<Record<string, string>> = (node, context) => {
  const labels: Record<string, string> = {}
  for (const item of node.kind === 'list' ? node.items : [node]) {
    const path = readFilledText(item, context)
    if (path === undefined) continue
    const text = context.readFile(path)
    if (text === undefined) {
      context.fault(item, 'file-unreadable', `label_file ${quote(path)} cannot be read`, 'check the path')
      continue
    }
    Object.assign(labels, readLabelFile(text, path, item.path, context))
  }
  return labels
}

const readLabelFile = (
  text: string,
  file: string,
  path: readonly (string | number)[],
  context: Context,
): Readonly<Record<string, string>> => {
  const parsed = parseEnvFile(text, context.lookup)
  if (parsed.ok) return parsed.values
  for (const { code, message, line, remedy } of parsed.faults)
    context.fault({ path, place: { file, line, column: 1 } }, code, message, remedy)
  return {}
}
