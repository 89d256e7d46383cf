/**
 * Whether another agent lives under the id of this one, as after a disk was copied. Its births stand where ours should,
 * and a broker closes the older of two clients with one id, so each would throw the other out for ever.
 */
export type IdContest = {
  /** A connection of our own was given this number. */
  readonly own: (session: number) => void
  /** A status that says online. @returns whether it makes it a contest that it was not before */
  readonly seen: (birth: Birth) => boolean
  readonly isOn: () => boolean
}

/** Copied state counts from the same number on both sides: only the process tells them apart. */
export type Birth = { readonly session: number; readonly instance?: string | undefined }

export type IdContestInput = {
  /** of this process */
  readonly instance: string
  /** of the last connection that was noted before this process */
  readonly before: number
  readonly monotonicMs: () => number
}

/** One foreign birth may be our own from before the state was lost; two of them within this time are somebody else. */
const rememberMs = 3_600_000
const ownLimit = 50

export const createIdContest = ({ instance, before, monotonicMs }: IdContestInput): IdContest => {
  let own = [before]
  let foreign: { readonly birth: Birth; readonly atMs: number }[] = []

  const isOn = (): boolean => {
    foreign = foreign.filter(({ atMs }) => monotonicMs() - atMs < rememberMs)
    return foreign.length >= 2
  }

  /** An agent of an earlier version says no instance. */
  const isOwn = (birth: Birth): boolean =>
    birth.instance === undefined ? own.includes(birth.session) : birth.instance === instance || birth.session === before

  return {
    own: (session) => {
      own = [...own, session].slice(-ownLimit)
    },
    seen: (birth) => {
      if (isOwn(birth)) return false
      const wasOn = isOn()
      const others = foreign.filter((other) => !isSame(other.birth, birth))
      foreign = [...others, { birth, atMs: monotonicMs() }].slice(-2)
      return !wasOn && isOn()
    },
    isOn,
  }
}

const isSame = (one: Birth, other: Birth): boolean => one.session === other.session && one.instance === other.instance
