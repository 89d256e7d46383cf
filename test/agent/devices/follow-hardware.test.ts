import { expect, onTestFinished, test, vi } from 'vitest'
import { followHardware, noHardware } from '../../../agent/devices/follow-hardware.ts'
import type { Hardware } from '../../../agent/devices/read-devices.ts'

const having = (...names: string[]): Hardware => ({
  devices: names.map((name) => ({ class: 'serial', name })),
  cdi: [],
  networkInterfaces: [],
  disks: [],
})

const settle = () => new Promise((resolve) => setImmediate(resolve))

const open = () => {
  const reads: ((found: Hardware) => void)[] = []
  const state = { onLook: (): void => undefined }
  const follower = followHardware({
    read: () => new Promise((resolve) => reads.push(resolve)),
    watch: (onLook) => {
      state.onLook = onLook
      return { start: onLook, stop: () => undefined }
    },
  })
  const changes: string[] = []
  const namesOf = ({ devices }: Hardware) => devices.map(({ name }) => name).join(' ')
  const start = () => follower.start((before, after) => changes.push(`${namesOf(before)} → ${namesOf(after)}`))
  const answer = async (found: Hardware) => {
    await settle()
    const resolve = reads.shift()
    if (resolve === undefined) throw new Error('nothing was read')
    resolve(found)
    await settle()
  }
  return { follower, reads, state, changes, start, answer }
}

test('the first look is no change; what differs from the one before is, and what is the same is not', async () => {
  const { follower, state, changes, start, answer } = open()
  start()
  await answer(having('ttyUSB0'))
  for (const found of [having('ttyUSB0'), having('ttyUSB0', 'ttyUSB1'), having('ttyUSB0', 'ttyUSB1'), having()]) {
    state.onLook()
    await answer(found)
  }
  expect(changes).toEqual(['ttyUSB0 → ttyUSB0 ttyUSB1', 'ttyUSB0 ttyUSB1 → '])
  expect(await follower.current()).toEqual(having())
})

test('one look at a time, and one more for all that was said meanwhile', async () => {
  const { state, reads, changes, start, answer } = open()
  start()
  for (let times = 0; times < 5; times += 1) state.onLook()
  await settle()
  expect(reads).toHaveLength(1)
  await answer(having())
  expect(reads).toHaveLength(1)
  await answer(having('ttyUSB0'))
  expect(reads).toHaveLength(0)
  expect(changes).toEqual([' → ttyUSB0'])
})

test('who asks before the first look waits for it, and no read is made for each', async () => {
  const { follower, reads, answer } = open()
  const asked = Promise.all([follower.current(), follower.current()])
  await settle()
  await answer(having('ttyS0'))
  expect(await asked).toEqual([having('ttyS0'), having('ttyS0')])
  expect(reads).toHaveLength(0)
})

test('a driver that does not answer keeps back nobody who asks for more than five seconds', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { follower } = open()
  let found: Hardware | undefined
  void follower.current().then((hardware) => {
    found = hardware
  })
  await vi.advanceTimersByTimeAsync(4_999)
  expect(found).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  expect(found).toEqual(noHardware)
})
