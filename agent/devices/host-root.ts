/** Where the files of a machine stand: its own, or those of another one that a test describes. */
import { join } from 'node:path'

export type HostRoot = {
  readonly sys: string
  readonly dev: string
  readonly proc: string
  readonly run: string
  readonly etc: string
}

export const thisHost: HostRoot = { sys: '/sys', dev: '/dev', proc: '/proc', run: '/run', etc: '/etc' }

/** The file that stands for a path of the described machine, as /dev/ttyUSB0. */
export const locate = (root: HostRoot, path: string): string => {
  const [, top = '', ...rest] = path.split('/')
  if (!Object.hasOwn(root, top)) throw new RangeError(`${path} is under none of the roots of a machine`)
  return join(root[top as keyof HostRoot], ...rest)
}
