/** Real inotify, on folders of the test. */
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createDeviceWatcher } from '../../../agent/devices/watch-devices.ts'
import { foldersOf, watchFolderOf } from '../../../agent/devices/watch-folder.ts'
import { eventually } from '../../support/eventually.ts'
import { makeHost } from '../../support/host-tree.ts'

const open = async () => {
  const root = await makeHost({ 'dev/null': '' })
  const state = { looks: 0 }
  const watcher = createDeviceWatcher({
    watchFolder: watchFolderOf(root),
    folders: foldersOf(root),
    pollMs: 3_600_000,
    onceMoreMs: 3_600_000,
    onLook: () => {
      state.looks += 1
    },
  })
  onTestFinished(watcher.stop)
  watcher.start()
  await eventually('the first look', () => state.looks === 1)
  const seen = async (what: string, act: () => Promise<unknown>) => {
    const before = state.looks
    await act()
    await eventually(what, () => state.looks > before)
    // What is left of it is not taken for what is done next.
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  return { dev: root.dev, state, seen }
}

test('folders of links that are made, taken away and made again are heard of each time', async () => {
  const { dev, seen } = await open()
  const byId = join(dev, 'serial/by-id')
  for (let round = 0; round < 2; round += 1) {
    await seen('the folder', () => mkdir(byId, { recursive: true }))
    await seen('a link in it', () => symlink('../../ttyUSB0', join(byId, 'usb-FTDI')))
    await seen('their end', () => rm(join(dev, 'serial'), { recursive: true }))
  }
})

test('what a program writes to a port is not heard', async () => {
  const { dev, state, seen } = await open()
  const port = join(dev, 'ttyUSB0')
  await seen('the port', () => writeFile(port, ''))
  const before = state.looks
  for (let times = 0; times < 100; times += 1) await writeFile(port, 'x', { flag: 'a' })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(state.looks).toBe(before)
})
