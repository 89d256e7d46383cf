/** What a board that takes the place of another one needs of it. Pure, so that a dry run says what the real one does. */
import type { Assignment } from '../protocol/deployment.ts'
import type { Secrets } from '../protocol/secret.ts'
import type { DeviceState } from './read-state.ts'

export type ReplacementPlan = {
  /** sorted by name. `same`: the new board has this very release already. `other`: it has another one of this name */
  readonly apps: readonly {
    readonly app: string
    readonly action: 'deploy' | 'same' | 'other'
    readonly desired: Assignment
  }[]
  /** what the new board lacks, or has with another value */
  readonly labels: Readonly<Record<string, string>>
  /** sealed for the old board, so that nobody can seal them again: by app, the names that the new board lacks */
  readonly secrets: readonly { readonly app: string; readonly names: readonly string[] }[]
  /** what only the old board knew */
  readonly notes: readonly string[]
}

export type ReplacementInput = {
  readonly from: DeviceState
  readonly to: DeviceState | undefined
  readonly fromSecrets: readonly Secrets[]
  readonly toSecrets: readonly Secrets[]
}

export const planReplacement = ({ from, to, fromSecrets, toSecrets }: ReplacementInput): ReplacementPlan => {
  const apps = [...from.apps].flatMap(([app, { desired }]) => {
    if (desired === undefined || desired.remove) return []
    const there = to?.apps.get(app)?.desired
    const action =
      there === undefined || there.remove
        ? ('deploy' as const)
        : there.release === desired.release
          ? ('same' as const)
          : ('other' as const)
    return [{ app, action, desired }]
  })
  const known = to?.inventory?.labels ?? {}
  const labels = Object.entries(from.inventory?.labels ?? {}).filter(([name, value]) => known[name] !== value)
  const secrets = fromSecrets.map(({ app, secrets: sealed }) => {
    const there = toSecrets.find((one) => one.app === app)?.secrets ?? {}
    return {
      app,
      names: Object.keys(sealed)
        .filter((name) => !Object.hasOwn(there, name))
        .sort(),
    }
  })
  const notes = [...from.apps].flatMap(([app, { reported }]) =>
    reported?.phase === 'stopped' ? [`${app} was stopped by an operator on ${from.device}, and will run`] : [],
  )
  return {
    apps: apps.sort((a, b) => (a.app < b.app ? -1 : 1)),
    labels: Object.fromEntries(labels),
    secrets: secrets.filter(({ names }) => names.length > 0),
    notes,
  }
}
