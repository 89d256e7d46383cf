/** The labels of a device: those of its configuration, and over them what was set from outside. Pure. */

export type Labels = Readonly<Record<string, string>>

/** null: taken away, though the configuration has it */
export type SetLabels = Readonly<Record<string, string | null>>

export const mostLabels = 64

export const labelsInForce = (configured: Labels, set: SetLabels = {}): Labels =>
  Object.fromEntries(
    Object.entries({ ...configured, ...set })
      .filter((entry): entry is [string, string] => entry[1] !== null)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )

/** What is kept after a change. Only what the configuration has must be remembered as taken away. */
export const withLabels = (
  configured: Labels,
  before: SetLabels = {},
  { set, remove }: { readonly set: Labels; readonly remove: readonly string[] },
): SetLabels => {
  const removed = Object.fromEntries(remove.map((key) => [key, null]))
  return Object.fromEntries(
    Object.entries({ ...before, ...removed, ...set }).filter(
      ([key, value]) => value !== null || Object.hasOwn(configured, key),
    ),
  )
}
