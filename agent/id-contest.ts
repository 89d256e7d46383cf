/**
 * Whether another agent lives under the id of this one, as after a disk was copied. Its births stand where ours should,
 * and a broker closes the older of two clients with one id, so each would throw the other out for ever.
 */
export type IdContest = {
  /** A connection of our own was given this number. */
  readonly own: (session: number) => void
  /** @returns whether this status makes it a contest that it was not before */
  readonly seen: (status: SeenStatus) => boolean
  readonly isOn: () => boolean
}

/** Copied state counts from the same number on both sides: only the process tells them apart. */
export type SeenStatus = {
  readonly session: number
  readonly instance?: string | undefined
  readonly online: boolean
}

export type IdContestInput = {
  /** of this process */
  readonly instance: string
  /** of the last connection that was noted before this process */
  readonly before: number
  readonly monotonicMs: () => number
}

/** One foreign status may be our own from before the state was lost; two of them within this time are somebody else. */
const rememberMs = 3_600_000
const ownLimit = 50

export const createIdContest = ({ instance, before, monotonicMs }: IdContestInput): IdContest => {
  let own = [before]
  let foreign: { readonly status: SeenStatus; readonly atMs: number }[] = []

  const isOn = (): boolean => {
    foreign = foreign.filter(({ atMs }) => monotonicMs() - atMs < rememberMs)
    return foreign.length >= 2
  }

  /**
   * Many a broker puts the will of the one that it closes in place of its birth. An agent of an earlier version says no
   * instance, and its will may be a late one of our own. What a process before this one said may come late, too.
   */
  const isOwn = ({ session, instance: said, online }: SeenStatus): boolean =>
    said === undefined ? !online || own.includes(session) : said === instance || session <= before

  return {
    own: (session) => {
      own = [...own, session].slice(-ownLimit)
    },
    seen: (status) => {
      if (isOwn(status)) return false
      const wasOn = isOn()
      const others = foreign.filter((other) => !isSame(other.status, status))
      foreign = [...others, { status, atMs: monotonicMs() }].slice(-2)
      return !wasOn && isOn()
    },
    isOn,
  }
}

const isSame = (one: SeenStatus, other: SeenStatus): boolean =>
  one.session === other.session && one.instance === other.instance
