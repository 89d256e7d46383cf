/** Where a path of the device leads, when every link on the way is followed, also where its end is not there yet. */
import { readlinkSync, realpathSync } from 'node:fs'
import { posix } from 'node:path'

const mostLinks = 40

/** undefined: nobody can tell, as of links that go round in a circle. */
export const followLinks = (path: string, linksLeft = mostLinks): string | undefined => {
  try {
    return realpathSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return undefined
  }
  // The end is missing: what is there of the way decides, and a link to something that is missing is still a link.
  const target = targetOf(path)
  if (target !== undefined)
    return linksLeft === 0 ? undefined : followLinks(posix.resolve(posix.dirname(path), target), linksLeft - 1)
  const parent = posix.dirname(path)
  if (parent === path) return path
  const followed = followLinks(parent, linksLeft)
  if (followed === undefined) return undefined
  const whole = posix.join(followed, posix.basename(path))
  return followed === parent ? whole : followLinks(whole, linksLeft - 1)
}

const targetOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
