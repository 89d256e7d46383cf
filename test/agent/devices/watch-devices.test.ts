/** When the hardware is looked at: under a clock of the test. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDeviceWatcher } from '../../../agent/devices/watch-devices.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const open = async ({ hasUdev = false } = {}) => {
  const present = new Set(['/dev'])
  const watches = new Map<string, { onName: (name: string | null) => void; onLost: () => void }>()
  const state = { looks: 0, isListening: false, onNews: (): void => undefined }
  const watcher = createDeviceWatcher({
    watchFolder: (path, onName, onLost) => {
      if (!present.has(path)) throw new Error('ENOENT')
      const own = { onName, onLost }
      watches.set(path, own)
      return {
        close: () => {
          if (watches.get(path) === own) watches.delete(path)
        },
      }
    },
    folders: async (path) =>
      [...present].flatMap((one) => (one.startsWith(`${path}/`) ? one.slice(path.length + 1) : [])),
    ...(hasUdev && {
      listen: (onNews: () => void) => {
        Object.assign(state, { isListening: true, onNews })
        return { stop: () => Object.assign(state, { isListening: false }) }
      },
    }),
    pollMs: 60_000,
    onceMoreMs: 1_500,
    onLook: () => {
      state.looks += 1
    },
  })
  watcher.start()
  await vi.advanceTimersByTimeAsync(0)
  const appear = (folder: string, name: string) => {
    watches.get(folder)?.onName(name)
    return watches.has(folder)
  }
  return { watcher, present, watches, state, appear }
}

test('it looks at once, and then no more often than the poll says', async () => {
  const { state } = await open()
  expect(state.looks).toBe(1)
  await vi.advanceTimersByTimeAsync(59_999)
  expect(state.looks).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(state.looks).toBe(2)
})

test('a burst is a look at once, one after 50 ms, and one more when udev is done with it', async () => {
  const { state, appear } = await open()
  for (let port = 0; port < 64; port += 1) appear('/dev', `ttyUSB${port}`)
  await vi.advanceTimersByTimeAsync(0)
  expect(state.looks).toBe(2)
  await vi.advanceTimersByTimeAsync(100)
  expect(state.looks).toBe(3)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(state.looks).toBe(4)
})

test('in a burst that does not end it looks every 50 ms', async () => {
  const { state, appear } = await open()
  for (let ms = 0; ms < 1_000; ms += 50) {
    appear('/dev', 'ttyUSB0')
    await vi.advanceTimersByTimeAsync(50)
  }
  expect(state.looks).toBe(1 + 20)
})

test('a folder that was not there is watched once it is, and again after it was taken away', async () => {
  const { present, watches, appear } = await open()
  expect([...watches.keys()]).toEqual(['/dev'])
  for (let round = 0; round < 2; round += 1) {
    present.add('/dev/serial').add('/dev/serial/by-id')
    appear('/dev', 'serial')
    await vi.advanceTimersByTimeAsync(100)
    expect(appear('/dev/serial/by-id', 'usb-FTDI')).toBe(true)
    present.delete('/dev/serial')
    present.delete('/dev/serial/by-id')
    appear('/dev', 'serial')
    expect([...watches.keys()]).toEqual(['/dev'])
    await vi.advanceTimersByTimeAsync(100)
  }
})

test('each USB bus is watched', async () => {
  const { present, watches, appear } = await open()
  for (const path of ['/dev/bus', '/dev/bus/usb', '/dev/bus/usb/001', '/dev/bus/usb/002']) present.add(path)
  appear('/dev', 'bus')
  await vi.advanceTimersByTimeAsync(100)
  expect([...watches.keys()]).toEqual(expect.arrayContaining(['/dev/bus/usb/001', '/dev/bus/usb/002']))
})

test('a watch that was lost is made again by the poll', async () => {
  const { watches } = await open()
  watches.get('/dev')?.onLost()
  expect(watches.size).toBe(0)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(watches.has('/dev')).toBe(true)
})

test('what comes and goes with containers is no hardware', async () => {
  const { state, appear } = await open()
  for (const name of ['loop3', 'dm-1', 'pts', 'shm']) appear('/dev', name)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(state.looks).toBe(1)
})

test('udev is heard, and nothing goes on after the end', async () => {
  const { watcher, watches, state } = await open({ hasUdev: true })
  state.onNews()
  await vi.advanceTimersByTimeAsync(100)
  expect(state.looks).toBe(2)
  state.onNews()
  state.onNews()
  watcher.stop()
  state.onNews()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(state.looks).toBe(2)
  expect(watches.size).toBe(0)
  expect(state.isListening).toBe(false)
  expect(vi.getTimerCount()).toBe(0)
})
