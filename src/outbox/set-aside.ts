/** What cannot be sent or read is kept beside the queue, the last few, for a person to look at. */
import type { OutboxFiles } from './files.ts'

const prefix = 'aside-'
const most = 8

/** A file of the folder, or with `text` a new one. Never rejects: what stands aside is no part of the queue any more. */
export const setAside = async (files: OutboxFiles, name: string, text?: string): Promise<void> => {
  try {
    if (text === undefined) await files.rename(name, `${prefix}${name}`)
    else await files.replace(`${prefix}${name}.txt`, Buffer.from(text), false)
    const aside = (await files.list()).map((one) => one.name).filter((one) => one.startsWith(prefix))
    for (const old of aside.sort().slice(0, -most)) await files.remove(old)
  } catch {
    // A disk that does not take it has told so elsewhere.
  }
}
