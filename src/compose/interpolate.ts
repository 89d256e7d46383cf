/**
 * `$NAME` and `${NAME…}` in a text, in every form of the Compose specification; a dollar sign before anything else
 * stands for itself. Pure, linear in the text, never throws. Differs from Compose in one thing: a variable without value and without default is a fault, not a blank.
 */
export type Lookup = (name: string) => string | undefined

export type InterpolationFault = {
  readonly code: 'variable-undefined' | 'variable-invalid'
  readonly message: string
  readonly remedy?: string
  /** Where in the text the expression begins. */
  readonly index: number
}
export type Interpolated =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly faults: readonly InterpolationFault[] }

export const interpolate = (text: string, lookup: Lookup): Interpolated => {
  if (!text.includes('$')) return { ok: true, text }
  const faults: InterpolationFault[] = []
  const { parts } = parse(text, 0, 0, faults)
  if (faults.length > 0) return { ok: false, faults }
  const result = evaluate(parts, lookup, faults)
  return faults.length > 0 ? { ok: false, faults } : { ok: true, text: result }
}

/** The other way: a text that interpolation leaves as it is. */
export const escapeDollars = (text: string): string => text.replaceAll('$', '$$$$')

type Operator = '' | ':-' | '-' | ':?' | '?' | ':+' | '+'
type Variable = {
  readonly name: string
  readonly operator: Operator
  readonly operand: readonly Part[]
  readonly index: number
}
type Part = string | Variable

/** Deeper than anybody nests by hand, and shallow enough for the stack. */
const deepest = 50
const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y
const operatorPattern = /:?[-?+]/y

/** Parses up to the end, or inside `${…}` up to the brace that closes it; plain braces in a default must balance. */
const parse = (text: string, start: number, depth: number, faults: InterpolationFault[]) => {
  const parts: Part[] = []
  let literalStart = start
  let index = start
  let openBraces = 0
  const flush = (end: number) => {
    if (end > literalStart) parts.push(text.slice(literalStart, end))
  }
  while (index < text.length) {
    const character = text[index]
    if (depth > 0 && character === '}' && openBraces-- === 0) break
    if (depth > 0 && character === '{') openBraces++
    if (character !== '$') {
      index++
      continue
    }
    if (isAlone(text, index)) {
      index++
      continue
    }
    flush(index)
    if (text[index + 1] === '$') {
      parts.push('$')
      index += 2
    } else {
      const { variable, end } = parseVariable(text, index, depth, faults)
      if (variable !== undefined) parts.push(variable)
      index = end
    }
    literalStart = index
    if (faults.length > 0) break
  }
  flush(index)
  return { parts, end: index }
}

/** `$1`, `$ ` or a dollar sign at the end: the specification keeps what cannot be a variable. */
const isAlone = (text: string, index: number): boolean => !/[A-Za-z_{$]/.test(text[index + 1] ?? ' ')

const parseVariable = (
  text: string,
  index: number,
  depth: number,
  faults: InterpolationFault[],
): { variable?: Variable; end: number } => {
  const fail = (message: string) => {
    faults.push({ code: 'variable-invalid', message, index })
    return { end: text.length }
  }
  const shown = JSON.stringify(text.slice(index, index + 40))
  const isBraced = text[index + 1] === '{'
  const name = matchAt(namePattern, text, index + (isBraced ? 2 : 1))
  if (name === undefined) return fail(`${shown}: in the braces must stand the name of a variable`)
  if (!isBraced) return { variable: { name, operator: '', operand: [], index }, end: index + 1 + name.length }
  if (depth >= deepest) return fail(`${shown}: variables are nested more than ${deepest} deep`)

  const afterName = index + 2 + name.length
  if (text[afterName] === '}') return { variable: { name, operator: '', operand: [], index }, end: afterName + 1 }
  const operator = matchAt(operatorPattern, text, afterName)
  if (afterName >= text.length) return fail(`${shown}: the closing } is missing`)
  if (operator === undefined) return fail(`${shown}: after the name ${name} must come }, :-, -, :?, ?, :+ or +`)
  const { parts, end } = parse(text, afterName + operator.length, depth + 1, faults)
  if (faults.length > 0) return { end: text.length }
  if (text[end] !== '}') return fail(`${shown}: the closing } is missing`)
  return { variable: { name, operator: operator as Operator, operand: parts, index }, end: end + 1 }
}

const matchAt = (pattern: RegExp, text: string, index: number): string | undefined => {
  pattern.lastIndex = index
  return pattern.exec(text)?.[0]
}

const evaluate = (parts: readonly Part[], lookup: Lookup, faults: InterpolationFault[]): string =>
  parts.map((part) => (typeof part === 'string' ? part : resolveVariable(part, lookup, faults))).join('')

/** A colon before the operator makes an empty value count as none. */
const resolveVariable = (variable: Variable, lookup: Lookup, faults: InterpolationFault[]): string => {
  const { name, operator, operand, index } = variable
  const found = lookup(name)
  const value = operator.startsWith(':') && found === '' ? undefined : found
  switch (operator) {
    case '-':
    case ':-':
      return value ?? evaluate(operand, lookup, faults)
    case '+':
    case ':+':
      return value === undefined ? '' : evaluate(operand, lookup, faults)
    case '?':
    case ':?': {
      if (value !== undefined) return value
      const why = evaluate(operand, lookup, faults)
      const message = `variable ${name} ${found === undefined ? 'is not set' : 'is empty'}${why === '' ? '' : `: ${why}`}`
      faults.push({ code: 'variable-undefined', message, index, remedy: setIt(name) })
      return ''
    }
    case '': {
      if (value === undefined)
        faults.push({
          code: 'variable-undefined',
          message: `variable ${name} is not set and has no default`,
          index,
          remedy: `${setIt(name)}, or write \${${name}:-default}`,
        })
      return value ?? ''
    }
  }
}

const setIt = (name: string): string => `set ${name} with --set, --env-file or .env`
