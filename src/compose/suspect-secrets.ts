/** Values that look like secrets and stand where everybody can read them: said as a note, and never shown. */
import { type Authored, pathText } from './authored.ts'
import type { Context } from './context.ts'

/** `value` of the variable as it will travel; the value itself must not get into any message. */
export const noteSuspect = (name: string, value: string, node: Authored, context: Context): void => {
  if (value === '' || !isSecretName(name) || isPath(value)) return
  const path = typeof node.path.at(-1) === 'number' ? `${pathText(node)} (${name})` : pathText(node)
  context.note(
    node,
    `${path} looks like a secret and travels readable with the release; use secrets: longshore secret set`,
  )
}

/** By the words of the name: DB_PASSWORD, PGPASSWORD, apiKey; not MONKEY, not SSH_PUBLIC_KEY, not TLS_KEY_FILE. */
export const isSecretName = (name: string): boolean => {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
  if (words.at(-1) === 'file' || words.includes('public')) return false
  if (/^(old)?pwd$/.test(words.join(''))) return false // the folder of a shell
  return words.some((word) => named.test(word) || /^(api|access|auth|private)?keys?$/.test(word))
}

const named = /password|passwd|passphrase|secret|pwd$|(?<!by|com)pass$|credentials?$|tokens?$/

const isPath = (value: string): boolean => /^(\.{0,2}\/|~\/)/.test(value)
