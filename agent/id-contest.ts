/**
 * Whether another agent lives under the id of this one, as after a disk was copied. Its births stand where ours should,
 * and a broker closes the older of two clients with one id, so each would throw the other out for ever.
 */
export type IdContest = {
  /** A connection of our own was given this number. */
  readonly own: (session: number) => void
  /** A status that says online came with this number. @returns whether that makes it a contest that it was not before */
  readonly seen: (session: number) => boolean
  readonly isOn: () => boolean
}

/** One foreign birth may be our own from before the state was lost; two of them within this time are somebody else. */
const rememberMs = 3_600_000
const ownLimit = 50

export const createIdContest = (monotonicMs: () => number): IdContest => {
  let own: number[] = []
  let foreign: { readonly session: number; readonly atMs: number }[] = []

  const isOn = (): boolean => {
    foreign = foreign.filter(({ atMs }) => monotonicMs() - atMs < rememberMs)
    return foreign.length >= 2
  }

  return {
    own: (session) => {
      own = [...own, session].slice(-ownLimit)
    },
    seen: (session) => {
      if (own.includes(session)) return false
      const wasOn = isOn()
      foreign = [...foreign.filter((other) => other.session !== session), { session, atMs: monotonicMs() }].slice(-2)
      return !wasOn && isOn()
    },
    isOn,
  }
}
