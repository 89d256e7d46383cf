/**
 * The dotenv format as Compose reads it: comments, `export`, single and double quotes (also over several lines),
 * escapes and variables in double quotes, variables in unquoted values. Pure, never throws.
 */
import { type InterpolationFault, interpolate, type Lookup } from './interpolate.ts'

export type EnvFileFault = {
  readonly code: 'value-invalid' | InterpolationFault['code']
  readonly message: string
  readonly remedy?: string
  readonly line: number
}
export type EnvFile =
  | { readonly ok: true; readonly values: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly faults: readonly EnvFileFault[] }

/**
 * `lookup` is asked before the file's own earlier lines, `earlier`, for the files before this one, after them. A name
 * alone on its line takes its value from either.
 */
export const parseEnvFile = (text: string, lookup: Lookup = none, earlier: Lookup = none): EnvFile => {
  const values = new Map<string, string>()
  const faults: EnvFileFault[] = []
  const find: Lookup = (name) => lookup(name) ?? values.get(name) ?? earlier(name)
  const lines = splitLines(text)
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1
    const content = (lines[index] as string).trim()
    if (content === '' || content.startsWith('#')) continue
    const fail = (message: string, remedy?: string) => {
      faults.push({ code: 'value-invalid', message, line, ...(remedy === undefined ? {} : { remedy }) })
    }
    const assignment = assignmentPattern.exec(content)
    if (assignment === null) {
      const name = namePattern.exec(content)?.[1]
      if (name === undefined) fail(`${JSON.stringify(content.slice(0, 40))} is not NAME=value`)
      else if (name === '__proto__') fail('__proto__ cannot be a variable name')
      else setIfDefined(values, name, lookup(name) ?? earlier(name))
      continue
    }
    const [, name = '', blank = '', rest = ''] = assignment
    if (name === '__proto__') {
      fail('__proto__ cannot be a variable name')
      continue
    }
    const quoteMark = rest[0]
    let raw: string
    if (quoteMark === '"' || quoteMark === "'") {
      const quoted = readQuoted(lines, index, rest, quoteMark)
      if (quoted === undefined) {
        fail(`the value of ${name} begins with ${quoteMark} and never ends`, `add the closing ${quoteMark}`)
        break
      }
      index = quoted.lastLine
      if (!/^\s*(#.*)?$/.test(quoted.after))
        fail(`there is text after the closing quote of ${name}`, 'only a comment may follow a quoted value')
      raw = quoteMark === '"' ? resolveEscapes(quoted.inner) : quoted.inner.replaceAll("\\'", "'")
    } else {
      // `NAME=#x` is a value, `NAME= #x` a comment.
      raw = `${blank}${rest}`.replace(/\s#.*$/, '').trim()
    }
    const result = quoteMark === "'" ? ({ ok: true, text: raw } as const) : interpolate(raw, find)
    if (result.ok) values.set(name, result.text)
    else for (const { index: _, ...fault } of result.faults) faults.push({ ...fault, line })
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, values: Object.fromEntries(values) }
}

/** `format: raw`: NAME=value up to the end of the line, quotes and dollar signs and all. */
export const parseRawEnvFile = (text: string, lookup: Lookup = none): EnvFile => {
  const values = new Map<string, string>()
  const faults: EnvFileFault[] = []
  for (const [index, content] of splitLines(text).entries()) {
    if (/^\s*(#|$)/.test(content)) continue
    const [, name, , value] = /^\s*([^\s=]+)(=(.*))?$/s.exec(content) ?? []
    if (name === undefined || name === '__proto__')
      faults.push({
        code: 'value-invalid',
        message: `${JSON.stringify(content.slice(0, 40))} is not NAME=value`,
        line: index + 1,
      })
    else setIfDefined(values, name, value ?? lookup(name))
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, values: Object.fromEntries(values) }
}

const none: Lookup = () => undefined

const assignmentPattern = /^(?:export\s+)?([\p{L}\p{N}_.[\]-]+)\s*[=:](\s*)(.*)$/su
const namePattern = /^(?:export\s+)?([\p{L}\p{N}_.[\]-]+)$/u

const splitLines = (text: string): string[] => text.replace(/^\uFEFF/, '').split(/\r?\n/)

const setIfDefined = (values: Map<string, string>, name: string, value: string | undefined): void => {
  if (value !== undefined) values.set(name, value)
}

/** From the opening quote, over as many lines as it takes, to the closing one. */
const readQuoted = (lines: readonly string[], firstLine: number, rest: string, quoteMark: string) => {
  const inner: string[] = []
  // The rest of the first line was trimmed; a value that goes on keeps what stood at its end.
  const raw = lines[firstLine] as string
  let piece = raw.slice(raw.indexOf(rest[0] as string, raw.search(/[=:]/)) + 1)
  for (let index = firstLine; ; ) {
    const end = closingQuote(piece, quoteMark)
    if (end >= 0) {
      inner.push(piece.slice(0, end))
      return { inner: inner.join('\n'), after: piece.slice(end + 1), lastLine: index }
    }
    inner.push(piece)
    index++
    const next = lines[index]
    if (next === undefined) return undefined
    piece = next
  }
}

const closingQuote = (text: string, quoteMark: string): number => {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === quoteMark) return index
  }
  return -1
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  '\\': '\\',
  // Interpolation comes after this and takes two for one.
  $: '$$',
}

const resolveEscapes = (text: string): string =>
  text.replace(/\\([abfnrtv"\\$])/g, (_, letter: string) => escapes[letter] as string)
