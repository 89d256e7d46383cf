/** What a check found, in the words of whoever has to mend it. */

export type Verdict = 'ok' | 'note' | 'fails'

export type Finding = {
  readonly check: string
  /** `note`: Longshore works, but one should know; `fails`: something of it will not work */
  readonly verdict: Verdict
  readonly found: string
  /** for Longshore; absent where all is well */
  readonly meaning?: string
  readonly remedy?: string
}

type Said = Pick<Finding, 'found' | 'meaning' | 'remedy'>

/** A check names what it looks at; what it throws is a finding too. */
export type Check<Context> = {
  readonly name: string
  readonly run: (context: Context) => Promise<Omit<Finding, 'check'>>
}

export const ok = (found: string): Omit<Finding, 'check'> => ({ verdict: 'ok', found })
export const note = (said: Said): Omit<Finding, 'check'> => ({ verdict: 'note', ...said })
export const fails = (said: Required<Said>): Omit<Finding, 'check'> => ({ verdict: 'fails', ...said })
