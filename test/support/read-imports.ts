/** What a TypeScript source imports, and which string literals it has; comments and regular expressions do not count. */

export type Import = {
  /** undefined when it is not a literal, so that nobody can tell. */
  readonly specifier: string | undefined
  /** type: gone at run time. dynamic: loaded when the line runs. */
  readonly kind: 'static' | 'type' | 'dynamic'
}

export type SourceFacts = { readonly imports: readonly Import[]; readonly literals: readonly string[] }

export const readImports = (source: string): SourceFacts => {
  const literals: string[] = []
  const code = source.replace(token, (text) => {
    if (text.startsWith('//') || text.startsWith('/*')) return ' '
    if (text.startsWith('/')) return ' 0 '
    literals.push(text.slice(1, -1))
    return `§${literals.length - 1}§`
  })
  const imports = [
    ...[...code.matchAll(fromClause)].map(
      (match): Import => ({
        specifier: literals[Number(match[2])],
        kind: match[1] === undefined ? 'static' : 'type',
      }),
    ),
    ...[...code.matchAll(bareImport)].map(
      (match): Import => ({ specifier: literals[Number(match[1])], kind: 'static' }),
    ),
    ...[...code.matchAll(dynamicImport)].map(
      (match): Import => ({
        specifier: match[1] === undefined ? undefined : literals[Number(match[1])],
        kind: 'dynamic',
      }),
    ),
  ]
  return { imports, literals }
}

/** Comments, then strings, then regular expressions where a value may begin. */
const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=(?:[(,=:[!&|?{};>]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/g

/** verbatimModuleSyntax: only `import type` disappears, `import { type X }` stays an import at run time. */
const fromClause = /\b(?:import|export)\s*(type\s(?!\s*from\b))?[\w*${},\s]*?(?<=[\s}*])from\s*§(\d+)§/g
const bareImport = /\bimport\s*§(\d+)§/g
const dynamicImport = /\b(?:import|require)\s*\(\s*(?:§(\d+)§)?/g
