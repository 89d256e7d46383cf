/**
 * The /dev of a running container, reached from outside of it. Whoever is root in the container can put links anywhere,
 * and an absolute link met on the way would lead to the files of the host: so nothing is ever reached by a path through the
 * container but its /dev itself, which must be a mount of its own, and in it direct children by their plain names.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, stat, statfs } from 'node:fs/promises'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { makeNode, type NewNode, type NodeNumbers, openFolderPath, readNode, removeNode } from './make-node.ts'

/** A container that runs: its first process, as the engine tells it. */
export type RunningContainer = { readonly id: string; readonly pid: number }

export type ContainerDev = {
  /** What stands at a path below its /dev, such as `ttyPLC` or `plc/a`; undefined: no character node. */
  readonly read: (path: string) => Promise<NodeNumbers | undefined>
  readonly attach: (name: string, node: NewNode) => Promise<void>
  readonly detach: (name: string) => Promise<void>
}

/**
 * Holds the /dev of a container open while `work` is done. The process is looked at before and after it was opened: a
 * number that was given to another process meanwhile is noticed, and nothing is touched.
 *
 * @throws LongshoreError device-unfollowed where that folder cannot be had, or is not the container's own
 */
export const withContainerDev = async <T>(
  container: RunningContainer,
  work: (dev: ContainerDev) => Promise<T>,
  proc = '/proc',
): Promise<T> => {
  const folder = await openDev(container, proc)
  try {
    const path = openFolderPath(folder.fd)
    return await work({
      read: async (name) => readBelow(path, name.split('/').map(plain)),
      attach: async (name, node) => makeNode(path, plain(name), node),
      detach: async (name) => removeNode(path, plain(name)),
    })
  } finally {
    await folder.close()
  }
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** One step after the other, each folder held open: a link on the way leads nowhere. */
const readBelow = async (folder: string, [name = '', ...rest]: readonly string[]): Promise<NodeNumbers | undefined> => {
  if (rest.length === 0) return readNode(folder, name)
  const inner = await open(`${folder}/${name}`, folderFlags).catch(() => undefined)
  try {
    return inner && (await readBelow(openFolderPath(inner.fd), rest))
  } finally {
    await inner?.close()
  }
}

/** Of tmpfs(5), as statfs(2) tells it: what every engine gives a container for its /dev. */
const tmpfsMagic = 0x01021994

const openDev = async (container: RunningContainer, proc: string): Promise<FileHandle> => {
  const before = await identify(container, proc)
  const root = `${proc}/${container.pid}/root`
  const folder = await open(`${root}/dev`, folderFlags).catch((error: NodeJS.ErrnoException) => {
    throw unreachable(container, `its /dev cannot be opened (${error.code})`)
  })
  try {
    const [opened, { type }, ofRoot, ofHost, after] = await Promise.all([
      folder.stat(),
      statfs(openFolderPath(folder.fd)),
      stat(`${root}/`),
      stat('/dev'),
      identify(container, proc),
    ])
    if (before !== after) throw unreachable(container, 'its process is another by now')
    if (opened.dev === ofRoot.dev) throw unreachable(container, 'its /dev is no mount of its own')
    if (opened.dev === ofHost.dev) throw unreachable(container, 'its /dev is that of the device')
    // A volume, which an image may have there: its files lie on the device, and other containers may have it too.
    if (type !== tmpfsMagic) throw unreachable(container, 'its /dev lies on a disk')
    return folder
  } catch (error) {
    await folder.close()
    throw error
  }
}

/** When the process began, if it is one of the container. */
const identify = async (container: RunningContainer, proc: string): Promise<string> => {
  const [cgroups, status] = await Promise.all(
    ['cgroup', 'stat'].map((file) =>
      readFile(`${proc}/${container.pid}/${file}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw unreachable(container, `its process ${container.pid} is not seen from here (${error.code})`)
      }),
    ) as [Promise<string>, Promise<string>],
  )
  // Docker and Podman name the cgroup by the id, some inside of other words: docker-<id>.scope, libpod-<id>.
  if (!cgroups.includes(container.id)) throw unreachable(container, `process ${container.pid} is none of its own`)
  // Field 22 of stat(5): the command, which may hold anything, stands before the last bracket.
  return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

const unreachable = ({ id }: RunningContainer, why: string): LongshoreError =>
  new LongshoreError('device-unfollowed', `no device can be put into container ${id.slice(0, 12)}: ${why}`)

/** A name is one step, and not one that leads out. */
const plain = (name: string): string => {
  if (!/^[A-Za-z0-9._+:@{}-]+$/.test(name) || name === '.' || name === '..')
    throw new RangeError(`${name} is no plain name of a node`)
  return name
}
