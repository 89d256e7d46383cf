/** The table of keys for docs/compose.md, made from `keys.ts`, with the columns aligned as the formatter wants them. */
import { type Level, levels, rulesOf } from './keys.ts'

export const composeTable = (): string =>
  (Object.keys(levels) as Level[])
    .map((level) => `### ${levels[level].title}\n\n${alignedTable(rowsOf(level))}\n`)
    .join('\n')

type Row = readonly [key: string, isRead: string, note: string]

const rowsOf = (level: Level): Row[] => [
  ['key', 'read', 'note, or what to do instead'],
  ...Object.entries(rulesOf(level)).map(
    ([key, rule]): Row =>
      typeof rule === 'string' ? [`\`${key}\``, 'refused', rule] : [`\`${key}\``, 'yes', rule.note ?? ''],
  ),
]

const alignedTable = (rows: readonly Row[]): string => {
  const widths = [0, 1, 2].map((column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))))
  const rule = line(widths.map((width) => '-'.repeat(width)))
  return [padded[0], rule, ...padded.slice(1)].join('\n')
}
