/**
 * The text format of Prometheus, version 0.0.4. A writer of our own: prom-client keeps an object and a hash for each series,
 * which takes four times as long at 50,000 of them (docs/monitoring.md has the figures). Pure.
 */
import type { Family, Series } from './family.ts'

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** Long enough to be worth a write, short enough that thousands of devices never stand in memory as one text. */
const pieceLength = 64 * 1_024

/**
 * In pieces. All series of a family stand together, as the format asks. Which series there are is settled at once; a value
 * may be that of the moment in which its piece is written.
 */
export const exposition = (families: readonly Family[], series: Iterable<Series>): Iterable<string> => {
  const byFamily = new Map<Family, Series[]>(families.map((family) => [family, []]))
  for (const one of series) byFamily.get(one.family)?.push(one)
  return pieces(byFamily)
}

const pieces = function* (byFamily: ReadonlyMap<Family, readonly Series[]>): Iterable<string> {
  let piece = ''
  for (const [{ name, type, help }, all] of byFamily) {
    if (all.length > 0) piece += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    for (const { labels, value } of all) {
      piece += `${name}${labels} ${value}\n`
      if (piece.length < pieceLength) continue
      yield piece
      piece = ''
    }
  }
  yield piece
}
