/**
 * The lock that an app holds while its machine is busy, from the file that the app wrote. Pure. When it ends is reckoned
 * once, when the file is first seen, and then in ms of the clock that never jumps: a clock that is set meanwhile must not
 * have an update begin under a busy machine. Seen anew, after a restart of the agent, it may hold longer, not for ever.
 */
import { z } from 'zod'
import type { LockFile } from '../files/project-files.ts'

export type Lock = {
  readonly owner?: string
  readonly reason?: string
  /** epoch ms, for people */
  readonly until: number
  /** ms of the clock that never jumps */
  readonly expiresAt: number
  /** the same for as long as the app does not write it anew */
  readonly mark: string
}

export type Sight = {
  /** epoch ms by the clock of the device, which the app goes by too */
  readonly now: number
  readonly monotonicNow: number
  /** epoch ms: a file that is older was written before the clock was set */
  readonly notBefore: number
  readonly expiryMs: number
}

/** @param before what was made of it when it was last looked at */
export const lockFrom = (file: LockFile, sight: Sight, before: Lock | undefined): Lock => {
  const { now, monotonicNow, notBefore, expiryMs } = sight
  const mark = JSON.stringify([file.mtimeMs, expiryMs, file.text])
  if (before?.mark === mark) return before
  const isBelievable = file.mtimeMs >= notBefore && file.mtimeMs <= now
  const longestMs = expiryMs - (isBelievable ? now - file.mtimeMs : 0)
  const { owner, reason, until } = readText(file.text)
  const remainingMs = until === undefined ? longestMs : Math.min(longestMs, epochMs(until) - now)
  return {
    ...(owner ? { owner } : {}),
    ...(reason ? { reason } : {}),
    until: Math.round(now + remainingMs),
    expiresAt: monotonicNow + remainingMs,
    mark,
  }
}

/** What is no number or text is as if it were not there: a lock that is written badly is still a lock. */
const textSchema = z.object({
  owner: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  until: z.number().optional().catch(undefined),
})

const readText = (
  text: string,
): { owner?: string | undefined; reason?: string | undefined; until?: number | undefined } => {
  const { owner, reason, until } = parse(text)
  return { owner: printable(owner), reason: printable(reason), until }
}

const parse = (text: string): z.infer<typeof textSchema> => {
  try {
    return textSchema.parse(JSON.parse(text))
  } catch {
    return {}
  }
}

/** A shell counts in seconds. */
const epochMs = (until: number): number => (until < 1e11 ? until * 1000 : until)

/** It goes into reports and onto terminals. */
const printable = (text: string | undefined): string | undefined =>
  text
    ?.replace(/[^\P{C}]+/gu, ' ')
    .trim()
    .slice(0, 200)
