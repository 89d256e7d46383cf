/** The table of keys for docs/compose.md, made from `keys.ts`. */
import { type Level, levels, type Rule, rulesOf } from './keys.ts'

export const composeTable = (): string =>
  (Object.keys(levels) as Level[])
    .map((level) =>
      [
        `### ${levels[level].title}`,
        '',
        '| key | | |',
        '| --- | --- | --- |',
        ...Object.entries(rulesOf(level)).map(([key, rule]) => `| \`${key}\` | ${cells(rule)} |`),
        '',
      ].join('\n'),
    )
    .join('\n')

const cells = (rule: Rule): string => (typeof rule === 'string' ? `refused | ${rule}` : `yes | ${rule.note ?? ''}`)
