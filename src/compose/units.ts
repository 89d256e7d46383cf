/** Compose's durations and sizes, to numbers and back to the one spelling that the model keeps. */

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `1m30s` to 90000 (ms). undefined where it is no duration. Compose specification, "Specifying durations". */
export const parseDurationMs = (text: string): number | undefined => {
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h|d))+$/.test(text)) return undefined
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (unitMs[unit as string] as number)
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? totalMs : undefined
}

/** The one spelling of a duration: whole seconds as `90s`, all else as milliseconds. */
export const formatDuration = (durationMs: number): string => {
  const wholeMs = Math.round(durationMs)
  return wholeMs % 1000 === 0 ? `${wholeMs / 1000}s` : `${wholeMs}ms`
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** `64m`, `1.5gb`, `1024` to bytes. undefined where it is no size. Compose specification, "Specifying byte values". */
export const parseSizeBytes = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?(b?)$/i.exec(text)
  if (match === null) return undefined
  const sizeBytes = Math.trunc(Number(match[1]) * (unitBytes[(match[2] ?? '').toLowerCase()] as number))
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined
}
