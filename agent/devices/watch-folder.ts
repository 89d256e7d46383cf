/** inotify on folders of a machine, as far as it says that a name came or went. */
import { watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { type HostRoot, locate } from './host-root.ts'
import type { DeviceWatcherInput } from './watch-devices.ts'

export const watchFolderOf =
  (root: HostRoot): DeviceWatcherInput['watchFolder'] =>
  (path, onName, onLost) => {
    const watcher = watch(locate(root, path), { persistent: false }, (kind, name) => {
      // The other kind is also each byte that a program writes to a port.
      if (kind === 'rename') onName(name)
    })
    watcher.on('error', onLost)
    return watcher
  }

export const foldersOf =
  (root: HostRoot): DeviceWatcherInput['folders'] =>
  async (path) => {
    const entries = await readdir(locate(root, path), { withFileTypes: true }).catch(() => [])
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  }
