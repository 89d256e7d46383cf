/**
 * Takes secrets out of what is told: values that the agent knows, passwords in addresses, and whatever stands under a name
 * that looks like that of a secret, be it a field, a variable, a flag or a word in a log. Rather too much than too little.
 * Pure; linear in the length of the text.
 */
import { isSecretName } from '../../src/compose/suspect-secrets.ts'

export const mask = '***'

/** Shorter ones would take half of every text with them; they are masked where they are all there is. */
const shortestKnown = 4
/** Of a value with several lines, as a key, each line that is as long says enough by itself. */
const shortestLine = 8

/** @param known values of secrets, as text */
export const maskSecrets = (value: unknown, known: readonly string[]): unknown => {
  const forms = formsOf(known)
  const exact = new Set(known.filter((one) => one !== ''))
  const maskText = (text: string): string => (exact.has(text) ? mask : maskPatterns(maskKnown(text, forms)))
  const walk = (node: unknown): unknown => {
    if (typeof node === 'string') return maskText(node)
    if (Array.isArray(node))
      return maskKeyLines(node).map((item, index) => (isAfterFlag(node[index - 1]) ? mask : walk(item)))
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(
      Object.entries(node).map(([key, field]) => [maskText(key), isSecretName(key) ? maskAll(field) : walk(field)]),
    )
  }
  /** What has the name of a secret is one, or a list of them; an object only tells of some. */
  const maskAll = (field: unknown): unknown => {
    if (Array.isArray(field)) return field.map(maskAll)
    return (typeof field === 'string' || typeof field === 'number') && field !== '' ? mask : walk(field)
  }
  return walk(value)
}

/** A key that was said line by line, as it stands in a log. */
const maskKeyLines = (items: readonly unknown[]): readonly unknown[] => {
  let isInKey = false
  return items.map((item) => {
    const isOfKey = typeof item === 'string' && isInKey && /^[\w+/=\s-]*$/.test(item)
    isInKey = typeof item === 'string' && (isOfKey || beginsKey.test(item)) && !item.includes('-----END')
    return isOfKey ? mask : item
  })
}

const beginsKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

/** As they stand in addresses, in JSON and in messages too. The longest first: one may be a part of another. */
const formsOf = (known: readonly string[]): string[] => {
  const all = known.flatMap((value) => {
    const lines = value.split(/\r?\n/).filter((line) => line.length >= shortestLine)
    return [value, value.trim(), ...lines].flatMap((text) => [
      text,
      encodeURIComponent(text),
      JSON.stringify(text).slice(1, -1),
      Buffer.from(text).toString('base64'),
      Buffer.from(text).toString('base64').replace(/=+$/, ''),
    ])
  })
  return [...new Set(all)].filter((text) => text.length >= shortestKnown).sort((a, b) => b.length - a.length)
}

const maskKnown = (text: string, forms: readonly string[]): string =>
  forms.reduce((masked, form) => maskCut(masked.includes(form) ? masked.replaceAll(form, mask) : masked, form), text)

/** A line of a log that was too long may end in the middle of one. */
const maskCut = (text: string, form: string): string => {
  const at = form.length <= shortestLine ? -1 : text.lastIndexOf(form.slice(0, shortestLine))
  return at >= 0 && form.startsWith(text.slice(at)) ? text.slice(0, at) + mask : text
}

const maskPatterns = (text: string): string =>
  maskNamed(
    text
      // A variable or a flag that is all there is, up to the next one, whatever stands in it.
      .replace(/^(-{0,2}[A-Za-z_][\w.-]{0,200})=[\s\S]*?(?=\s[\w.-]+=|$)/, (all, name: string) =>
        isSecretName(name) ? `${name}=${mask}` : all,
      )
      .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask)
      .replace(/AGE-SECRET-KEY-1[0-9A-Z]+/gi, mask)
      // user:password@host, whatever stands in the password
      .replace(/(?<=:\/\/[^\s/:@"']{0,200}:)[^\s"']{1,4000}(?=@)/g, mask)
      // a token in its place
      .replace(/(?<=:\/\/)[^\s/:@"']{16,4000}(?=@)/g, mask)
      .replace(
        /(?<!\w)((?:authorization|cookie)\\*["']?\s{0,5}[:=]\s{0,5}\\*["']?)(?!\s{0,5}(?:bearer|basic)\s)[^\r\n"'\\]+/gi,
        `$1${mask}`,
      )
      .replace(/(?<!\w)(bearer|basic)(\s+)[\w.~+/=-]{6,}/gi, `$1$2${mask}`),
  )

/** NAME=value, name: value, "name": "value", <name>value, --name value. A quote that does not end goes on to the end of the text. */
const maskNamed = (text: string): string => {
  const names = /(?<![\w.-])([A-Za-z_-][\w.-]{0,200})(\\{0,7}["']?\s{0,5}[:=>]{1,2}\s{0,5}|\s)/g
  const value = /(\\{0,7})"[\s\S]*?(?:(?<!\\)\1"|$)|'[^']*(?:'|$)|[^\s,;&"'<}]+/y
  let masked = ''
  let done = 0
  for (let found = names.exec(text); found !== null; found = names.exec(text)) {
    const [, name = '', between = ''] = found
    const isTold = name.startsWith('-') || /[:=>]/.test(between)
    // What follows a name that is none may be one itself.
    if (!isTold || !isSecretName(name.replace(/^-+/, ''))) continue
    value.lastIndex = names.lastIndex
    const said = value.exec(text)?.[0]
    if (said === undefined) continue
    masked += text.slice(done, names.lastIndex) + mask
    done = names.lastIndex + said.length
    names.lastIndex = done
  }
  return masked + text.slice(done)
}

/** `["--password", "x"]`; one with its value in it is a text like any other. */
const isAfterFlag = (before: unknown): boolean =>
  typeof before === 'string' && /^--?[A-Za-z][\w-]*$/.test(before) && isSecretName(before.replace(/^-+/, ''))
