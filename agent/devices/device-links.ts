/** The links that udev makes under /dev, by the node that they lead to. */
import type { HostFiles } from './host-files.ts'

export type DeviceLinks = { readonly byId: readonly string[]; readonly byPath: readonly string[] }

/** Folders under /dev that hold a by-id or a by-path folder. */
export const linkFolders = ['serial', 'v4l', 'snd', 'input', 'dri'] as const

export const readDeviceLinks = async (files: HostFiles): Promise<ReadonlyMap<string, DeviceLinks>> => {
  const links = new Map<string, { byId: string[]; byPath: string[] }>()
  const read = async (folder: string, kind: keyof DeviceLinks): Promise<void> => {
    for (const name of await files.names(folder)) {
      const link = `${folder}/${name}`
      const node = await files.target(link)
      if (node === undefined) continue
      const ofNode = links.get(node) ?? { byId: [], byPath: [] }
      ofNode[kind].push(link)
      links.set(node, ofNode)
    }
  }
  for (const folder of linkFolders) {
    await read(`/dev/${folder}/by-id`, 'byId')
    await read(`/dev/${folder}/by-path`, 'byPath')
  }
  return links
}
