/** What cannot be sent or read is kept beside the queue, the last few, for a person to look at. */
import type { OutboxFiles } from './files.ts'

const prefix = 'aside-'
const most = 8

/** A file of the folder, or with `text` a new one. Never rejects: what stands aside is no part of the queue any more. */
export const setAside = async (files: OutboxFiles, name: string, text?: string): Promise<void> => {
  const aside = text === undefined ? `${prefix}${name}` : `${prefix}${name}.txt`
  try {
    if (text === undefined) await files.rename(name, aside)
    else await files.replace(aside, Buffer.from(text), false)
    const names = (await files.list()).map((one) => one.name)
    const others = names.filter((one) => one.startsWith(prefix) && one !== aside).sort(byAge)
    for (const old of others.slice(0, -(most - 1))) await files.remove(old)
  } catch {
    // A disk that does not take it has told so elsewhere.
  }
}

/** Behind the class stand the epoch and a number in it. */
const byAge = (one: string, other: string): number => ageOf(one).localeCompare(ageOf(other), 'en', { numeric: true })

const ageOf = (name: string): string => name.replace(/^aside-[a-z]+-/, '')
