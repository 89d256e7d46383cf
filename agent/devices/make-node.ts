/** Character nodes: made, read and taken away in a folder that is held open, so that nothing in its path can be exchanged. */
import { execFile } from 'node:child_process'
import { lstat, readdir, rename, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { LongshoreError } from '../../src/protocol/reason.ts'

export type NodeNumbers = { readonly major: number; readonly minor: number }
export type NewNode = NodeNumbers & {
  /** of the node; its user is root */
  readonly gid: number
  /** permission bits */
  readonly mode: number
}

const runFile = promisify(execFile)

/** A folder that was opened, as a path that leads to it and nowhere else. */
export const openFolderPath = (fd: number): string => `/proc/self/fd/${fd}`

/**
 * Puts a node at a plain name of a folder, at once and in place of whatever stood there. Node.js has no mknod: a process
 * of it is started in the folder, with the group that the node is to have.
 *
 * @param folder a path of `openFolderPath`, or of a folder that only root can change
 * @throws LongshoreError device-unfollowed where mknod fails; Error of the call where something stands in the way
 */
export const makeNode = async (folder: string, name: string, node: NewNode): Promise<void> => {
  const draft = draftOf(name)
  await unlink(`${folder}/${draft}`).catch(ignoreAbsent)
  const mask = (0o777 & ~node.mode).toString(8)
  const script = 'umask "$1" && exec mknod -- "$2" c "$3" "$4"'
  const values = [mask, draft, String(node.major), String(node.minor)]
  const env = { PATH: fixedSearchPath(process.env.PATH) }
  await runFile('sh', ['-c', script, 'sh', ...values], { cwd: folder, env, gid: node.gid, timeout: 5_000 }).catch(
    (error: Error & { stderr?: string }) => {
      const said = error.stderr?.trim().split('\n').at(-1) || error.message
      throw new LongshoreError('device-unfollowed', `no node can be made for it: ${said}`, { cause: error })
    },
  )
  await rename(`${folder}/${draft}`, `${folder}/${name}`)
}

/** Under which a node stands until it is as it should be. */
const draftOf = (name: string): string => `.longshore-${name}`

/** Programs are looked for in folders of the machine only: an empty step means the folder itself, with whatever is in it. */
const fixedSearchPath = (path = ''): string =>
  path
    .split(':')
    .filter((step) => step.startsWith('/'))
    .join(':') || '/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * What stands at a name; undefined: nothing, or no character node. Follows no link. A mounted pseudo-terminal whose other
 * end is gone is still seen, with no name left anywhere: it is nothing either.
 */
export const readNode = async (folder: string, name: string): Promise<NodeNumbers | undefined> => {
  const found = await lstat(`${folder}/${name}`, { bigint: true }).catch(ignoreAbsent)
  return found?.isCharacterDevice() === true && found.nlink > 0n ? numbersOf(found.rdev) : undefined
}

/** All character nodes of a folder, by name. */
export const readNodes = async (folder: string): Promise<Map<string, NodeNumbers>> => {
  const names = (await readdir(folder).catch(ignoreAbsent)) ?? []
  const nodes = new Map<string, NodeNumbers>()
  for (const name of names) {
    const node = await readNode(folder, name)
    if (node !== undefined) nodes.set(name, node)
  }
  return nodes
}

/** Takes a character node away, and what was left of one that was being made; what is none stays. */
export const removeNode = async (folder: string, name: string): Promise<void> => {
  const draft = draftOf(name)
  if ((await readNode(folder, draft)) !== undefined) await unlink(`${folder}/${draft}`).catch(ignoreAbsent)
  if ((await readNode(folder, name)) !== undefined) await unlink(`${folder}/${name}`).catch(ignoreAbsent)
}

/** As the C library packs them, gnu_dev_makedev. */
export const numbersOf = (packed: bigint): NodeNumbers => ({
  major: Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn)),
  minor: Number((packed & 0xffn) | ((packed >> 12n) & ~0xffn)),
})

const ignoreAbsent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT') return undefined
  throw error
}
