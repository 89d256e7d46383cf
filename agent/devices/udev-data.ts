/** What udev keeps of a device: links that rules of the machine made, and names from its database of hardware. */
import type { HostFiles } from './host-files.ts'

/** Absolute paths, without those that tell of the adapter or its place. */
export const udevLinks = async (files: HostFiles, major: number, minor: number): Promise<readonly string[]> => {
  const lines = (await files.text(`/run/udev/data/c${major}:${minor}`))?.split('\n') ?? []
  return lines
    .flatMap((line) => (line.startsWith('S:') ? [`/dev/${line.slice(2)}`] : []))
    .filter((link) => !/\/by-(id|path)\//.test(link) && !/^\/dev\/char\//.test(link) && !link.includes('..'))
    .sort()
}

/** What a PCI card is called, where the machine has a database that knows it. */
export const udevPciModel = async (files: HostFiles, slot: string): Promise<string | undefined> => {
  const lines = (await files.text(`/run/udev/data/+pci:${slot}`))?.split('\n') ?? []
  const found = lines.find((line) => line.startsWith('E:ID_MODEL_FROM_DATABASE='))
  return found?.slice('E:ID_MODEL_FROM_DATABASE='.length).slice(0, 200) || undefined
}
