/** Changes of secrets as patches by name, so that what two operators do at once comes together. Pure. */
import type { SealedSecret } from '../protocol/secret.ts'

/** Sealed secrets by name. A name starts with a letter or digit, so none is `__proto__`. */
export type Entries = Readonly<Record<string, SealedSecret>>

/** For each name: the ciphertext that was there, and what takes its place; undefined is none. */
export type Patch = Readonly<
  Record<string, { readonly from: string | undefined; readonly to: SealedSecret | undefined }>
>

/**
 * A name that somebody else has given another value in the meantime keeps theirs, which is newer; one that is missing
 * is set again, since whoever left it out may not have known it.
 */
export const applyPatch = (entries: Entries, patch: Patch): Entries => {
  const result = new Map(Object.entries(entries))
  for (const [name, { from, to }] of Object.entries(patch)) {
    const age = result.get(name)?.age
    if (age !== undefined && age !== from) continue
    if (to === undefined) result.delete(name)
    else result.set(name, to)
  }
  return Object.fromEntries([...result].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The patch that makes `after` of `before`. */
export const patchBetween = (before: Entries, after: Entries): Patch => {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return Object.fromEntries(
    [...names]
      .map((name) => ({ name, from: entryOf(before, name)?.age, to: entryOf(after, name) }))
      .filter(({ from, to }) => from !== to?.age)
      .map(({ name, from, to }) => [name, { from, to }]),
  )
}

/**
 * What a message that was overwritten unseen had over what its place was taken with. Whoever wrote it may not have known
 * all of `known`, so nothing is taken for removed or changed back.
 */
export const additionsTo = (known: Entries, overwritten: Entries): Patch =>
  Object.fromEntries(
    Object.entries(patchBetween(known, overwritten)).filter(
      ([name, { to }]) => to !== undefined && to.at >= (entryOf(known, name)?.at ?? 0),
    ),
  )

/** Whether nothing of the patch is left to do. */
export const isApplied = (entries: Entries, patch: Patch): boolean =>
  Object.keys(patchBetween(entries, applyPatch(entries, patch))).length === 0

/** Not what every object inherits: `constructor` is a fine name for a secret. */
export const entryOf = (entries: Entries, name: string): SealedSecret | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined
