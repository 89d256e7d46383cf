/**
 * The text format of Prometheus, version 0.0.4. A writer of our own: prom-client keeps an object and a hash for each series,
 * which takes several times as long and as much memory at 50,000 of them (docs/monitoring.md has the figures). Pure.
 */
import type { Family, Series } from './family.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** All series of a family stand together, as the format asks; a piece a family, of those that have any. */
export const exposition = (families: readonly Family[], series: Iterable<Series>): string[] => {
  const lines = new Map<Family, string>(families.map((family) => [family, '']))
  for (const { family, labels, value } of series)
    lines.set(family, `${lines.get(family) ?? ''}${family.name}${labels} ${value}\n`)
  return [...lines].flatMap(([{ name, type, help }, text]) =>
    text === '' ? [] : [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${text}`],
  )
}
