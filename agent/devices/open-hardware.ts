/** The hardware of a machine, followed with all that tells of it: its files, inotify, udev, and the programs of makers. */
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { createNvidiaSource, runNvidiaSmi } from './ask-nvidia-smi.ts'
import { followHardware, type HardwareFollower } from './follow-hardware.ts'
import type { HostRoot } from './host-root.ts'
import { listenToUdev } from './listen-to-udev.ts'
import { readHardware } from './read-devices.ts'
import { createDeviceWatcher } from './watch-devices.ts'
import { foldersOf, watchFolderOf } from './watch-folder.ts'

export type OpenHardwareInput = { readonly root: HostRoot; readonly pollMs: number; readonly log: Logger }

const onceMoreMs = 1_500

export const openHardware = ({ root, pollMs, log }: OpenHardwareInput): HardwareFollower => {
  const nvidia = createNvidiaSource({
    run: runNvidiaSmi(),
    onNews: () => follower.look(),
    monotonicMs: () => performance.now(),
    log,
  })
  const follower = followHardware({
    read: () => readHardware(root, { nvidia: nvidia.facts }),
    watch: (onLook) =>
      createDeviceWatcher({
        watchFolder: watchFolderOf(root),
        folders: foldersOf(root),
        listen: listenToUdev({ log }),
        pollMs,
        onceMoreMs,
        onLook,
      }),
  })
  return follower
}
