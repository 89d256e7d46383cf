/** What a group of series is called and means, and how one of them is written in the text format of Prometheus. Pure. */

export type Family = {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
}

/** One series with its value now. */
export type Series = {
  readonly family: Family
  /** `{device_id="gw-17"}`, or nothing */
  readonly labels: string
  readonly value: number
}

/** Values come from devices, and may hold anything. */
export const labelsText = (labels: Readonly<Record<string, string>>): string => {
  const parts = ['{']
  for (const [name, value] of Object.entries(labels))
    parts.push(parts.length > 1 ? ',' : '', name, '="', escaped(value), '"')
  // Joined, not added: a text that is kept for long is then one text in memory, and not a tree of its parts.
  return [...parts, '}'].join('')
}

const escaped = (value: string): string =>
  value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replace(/\p{Surrogate}/gu, '\ufffd')

/** Longer ones say nothing more to people, and cost every scrape. */
const mostLabelLength = 200

/** A value for people, which may be cut: never one that tells two series apart. */
export const shortened = (value: string): string =>
  value.length > mostLabelLength ? `${value.slice(0, mostLabelLength - 1)}…` : value

/** Whether a value that tells series apart can be written as it is; cut or mended, two could become one. */
export const canBeLabel = (value: string): boolean => value.length <= mostLabelLength && !/\p{Surrogate}/u.test(value)
