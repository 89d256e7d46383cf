/**
 * Nodes of our own that stand for the devices that containers were given: an engine looks them up by path each time that
 * it starts a container, and finds the device whatever the kernel calls it today. One that is away has a node that leads
 * nowhere, so that the container starts all the same. They live on devtmpfs: a reboot takes them away.
 */
import { mkdir, rmdir } from 'node:fs/promises'
import { makeNode, type NodeNumbers, readNodes, removeNode } from './make-node.ts'

export type AliasNodes = {
  readonly folder: string
  readonly read: () => Promise<ReadonlyMap<string, NodeNumbers>>
  readonly set: (name: string, node: NodeNumbers & { readonly gid?: number | undefined }) => Promise<void>
  readonly remove: (name: string) => Promise<void>
}

/** @param device its id: two agents may share an engine, and a machine */
export const openAliasNodes = (device: string, root = '/dev/longshore'): AliasNodes => {
  const folder = `${root}/${device}`
  return {
    folder,
    read: () => readNodes(folder),
    set: async (name, { major, minor, gid = 0 }) => {
      await mkdir(folder, { recursive: true, mode: 0o755 })
      // What the engine makes in the container is as this one is.
      await makeNode(folder, name, { major, minor, gid, mode: 0o660 })
    },
    remove: async (name) => {
      await removeNode(folder, name)
      // The last one takes the folder with it; one that is not empty stays.
      await rmdir(folder).catch(() => undefined)
    },
  }
}
