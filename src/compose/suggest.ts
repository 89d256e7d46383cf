/** The known word nearest to a misspelt one, if any is near enough to be what was meant. */
export const suggest = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > 40) return undefined
  const limit = word.length < 4 ? 1 : 2
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase().replaceAll('-', '_'), candidate)
    if (distance <= limit && distance < (best?.distance ?? limit + 1)) best = { candidate, distance }
  }
  return best?.candidate
}

/** Insertions, deletions, replacements, and swaps of neighbours. */
const editDistance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(cell(i - 1, j) + 1, (row[j - 1] ?? 0) + 1, cell(i - 1, j - 1) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, cell(i - 2, j - 2) + 1)
      row.push(least)
    }
  }
  return cell(a.length, b.length)
}
