/** The table of keys for docs/compose.md, made from `keys.ts`, with the columns aligned as the formatter wants them. */
import type { Rule } from './key-rules.ts'
import { type Level, levels, rulesOf } from './keys.ts'

export const composeTable = (): string =>
  (Object.keys(levels) as Level[])
    .map((level) => `### ${levels[level].title}\n\n${alignedTable(rowsOf(level))}\n`)
    .join('\n')

type Row = readonly [key: string, verdict: string, note: string]

const rowsOf = (level: Level): Row[] => [
  ['key', '', 'what it means here, or what to do instead'],
  ...Object.entries(rulesOf(level)).map(
    ([key, rule]): Row => [`\`${key}\``, verdictOn(rule), typeof rule === 'string' ? rule : (rule.note ?? '')],
  ),
]

const verdictOn = (rule: Rule): string => {
  if (typeof rule === 'string') return 'refused'
  return rule.isNoted === true ? 'noted' : 'supported'
}

const alignedTable = (rows: readonly Row[]): string => {
  const widths = [0, 1, 2].map((column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))))
  const rule = line(widths.map((width) => '-'.repeat(width)))
  return [padded[0], rule, ...padded.slice(1)].join('\n')
}
