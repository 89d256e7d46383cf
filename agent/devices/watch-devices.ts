/**
 * Says when to look at the hardware again: inotify on /dev first, udev for what makes no node, and a slow poll behind both.
 * No child process is started on a tick.
 */
import { linkFolders } from './device-links.ts'

export type DeviceWatcher = { readonly start: () => void; readonly stop: () => void }

export type DeviceWatcherInput = {
  /** Hears of names that come and go in a folder under /dev. @throws where there is none, or no watch is left */
  readonly watchFolder: (
    path: string,
    onName: (name: string | null) => void,
    onLost: () => void,
  ) => { close: () => void }
  /** Sub-folders of a folder under /dev; none where it is not there. */
  readonly folders: (path: string) => Promise<readonly string[]>
  /** udev's own announcements; undefined: there are none to be had here. */
  readonly listen?: (onNews: () => void) => { stop: () => void }
  readonly pollMs: number
  /** so long after the last word it looks once more: udev gives a node its group, and its links, after it is there */
  readonly onceMoreMs: number
  readonly onLook: () => void
}

/** An adapter with four ports makes a dozen nodes and links. */
const settleMs = 50

const fixedFolders = [
  '/dev',
  ...linkFolders.flatMap((name) => [`/dev/${name}`, `/dev/${name}/by-id`, `/dev/${name}/by-path`]),
  '/dev/accel',
  '/dev/bus',
  '/dev/bus/usb',
]

export const createDeviceWatcher = (input: DeviceWatcherInput): DeviceWatcher => {
  const watches = new Map<string, { close: () => void }>()
  let settling: NodeJS.Timeout | undefined
  let onceMore: NodeJS.Timeout | undefined
  let poll: NodeJS.Timeout | undefined
  let listening: { stop: () => void } | undefined
  let isDue = false
  let isStopped = false

  const hear = (): void => {
    if (isStopped) return
    clearTimeout(onceMore)
    onceMore = setTimeout(input.onLook, input.onceMoreMs)
    isDue = true
    if (settling === undefined) lookNow()
  }

  /** The first of a burst at once, since a container may wait for it; of the rest no more than one look in that time. */
  const lookNow = (): void => {
    isDue = false
    settling = setTimeout(() => {
      settling = undefined
      if (isDue) lookNow()
    }, settleMs)
    void attachAndLook()
  }

  /** In this order: what comes to a new folder before it is watched is seen by the look. */
  const attachAndLook = async (): Promise<void> => {
    await attach()
    if (!isStopped) input.onLook()
  }

  const attach = async (): Promise<void> => {
    const buses = (await input.folders('/dev/bus/usb')).map((name) => `/dev/bus/usb/${name}`)
    if (isStopped) return
    for (const path of [...fixedFolders, ...buses]) {
      if (watches.has(path)) continue
      try {
        const watch = input.watchFolder(
          path,
          (name) => {
            if (path === '/dev' && name !== null && noHardware.test(name)) return
            // A folder that was made anew is another one, and its old watch hears nothing.
            if (name !== null) forgetUnder(`${path}/${name}`)
            hear()
          },
          () => forgetUnder(path),
        )
        watches.set(path, watch)
      } catch {
        // Not there (yet), or no watches left: its parent or the poll tells what changes.
      }
    }
  }

  const forgetUnder = (folder: string): void => {
    for (const [path, watch] of watches) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue
      watch.close()
      watches.delete(path)
    }
  }

  return {
    start: () => {
      void attachAndLook()
      listening = input.listen?.(hear)
      poll = setInterval(() => void attachAndLook(), input.pollMs)
    },
    stop: () => {
      isStopped = true
      clearTimeout(settling)
      clearTimeout(onceMore)
      clearInterval(poll)
      listening?.stop()
      for (const watch of watches.values()) watch.close()
      watches.clear()
    },
  }
}

/** Of /dev itself: what comes and goes while containers start, and is no hardware. */
const noHardware = /^(shm|mqueue|pts|ptmx|null|full|zero|random|urandom|console|tty|loop\d*|dm-\d+|mapper)$/
