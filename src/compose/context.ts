/** What every reader is given: where faults and notes go, what a variable is worth, how a file is read. */
import { type Code, explain } from '../protocol/codes.ts'
import type { Place } from '../protocol/reason.ts'
import { type At, type Authored, pathText } from './authored.ts'

export type Note = { readonly path: string; readonly message: string; readonly place?: Place }
export type ComposeFault = {
  readonly code: Code
  readonly message: string
  readonly path: string
  readonly place: Place
  readonly remedy?: string
}

/** Where the value of a secret is to be had: a file of the project folder, or a variable that was looked up already. */
export type SecretSource = { readonly at: string } & ({ readonly file: string } | { readonly value: string })

export type Context = {
  readonly fault: (at: At, code: Code, message: string, remedy?: string) => undefined
  readonly note: (at: At, message: string) => void
  readonly lookup: (name: string) => string | undefined
  readonly readFile: (path: string) => string | undefined
  /** Whether a path that looks to be in the project folder leads out of it all the same. */
  readonly isOutside: (path: string) => boolean
  /** Which authored value an item of a sorted or expanded list came from. */
  readonly origins: WeakMap<object, Authored>
  /** by the name that the secret has on the device */
  readonly secretSources: Map<string, SecretSource>
}

/** A reader turns what was written into its one spelling; undefined: nothing to say, or the fault is reported. */
export type Reader<T> = (node: Authored, context: Context) => T | undefined

export type Collected = Context & { readonly faults: ComposeFault[]; readonly notes: Note[] }

/** The same fault at the same place is kept once: an anchor used ten times is still one mistake. */
export const collect = (source: {
  readonly lookup: (name: string) => string | undefined
  readonly readFile: (path: string) => string | undefined
  readonly isOutside: (path: string) => boolean
}): Collected => {
  const faults: ComposeFault[] = []
  const notes: Note[] = []
  const seen = new Set<string>()
  const isNew = (kind: string, { place }: At, message: string) => {
    const key = JSON.stringify([kind, place.file, place.line, place.column, message])
    return seen.has(key) ? false : seen.add(key)
  }
  return {
    ...source,
    faults,
    notes,
    origins: new WeakMap(),
    secretSources: new Map(),
    fault: (at, code, message, remedy = explain(code).remedy) => {
      if (isNew(code, at, message)) faults.push({ code, message, path: pathText(at), place: at.place, remedy })
      return undefined
    },
    note: (at, message) => {
      if (isNew('note', at, message)) notes.push({ path: pathText(at), message, place: at.place })
    },
  }
}
