/** The whole agent on a simulated engine: a disk without room is waited for, and images that nobody needs go. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFetchWithinSpace } from '../../agent/disk/fetch-within-space.ts'
import { createWithinSpace } from '../../agent/disk/within-space.ts'
import type { PullProgress } from '../../agent/engine/engine.ts'
import { createPendingMessages } from '../../agent/pending-messages.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { silent } from '../support/agents.ts'
import { app, serviceModel } from '../support/builders.ts'
import { simulatedDevice } from '../support/simulated-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const disk = (freeBytes: number) => ({ path: '/var/lib/docker', freeBytes, reserveBytes: 256e6 })

const open = async () => {
  const device = simulatedDevice()
  const { controls } = device.engine
  for (let number = 1; number <= 6; number += 1) controls.addToRegistry(`web:${number}`, `sha256:${number}`)
  const pass = async (ms: number) => {
    await device.settle()
    for (let passed = 0; passed < ms; passed += 500) {
      vi.advanceTimersByTime(500)
      await device.settle()
    }
  }
  const deploy = async (number: number) => {
    expect(await device.deploy(serviceModel({ web: { image: `web:${number}` } }))).toBe('accepted')
    await pass(15_000)
  }
  return { device, controls, pass, deploy, report: () => device.reported.get(app) }
}

test('a pull waits for room with the numbers; what runs is not touched; it goes on by itself', async () => {
  const { device, controls, pass, deploy, report } = await open()
  await deploy(1)
  const { id } = controls.container('shop-web-1')
  device.setDisk(disk(12e6))
  await deploy(2)
  expect(report()).toMatchObject({
    phase: 'waiting',
    waitingFor: [{ code: 'disk-full', message: 'pull of web:2: 12 MB free on /var/lib/docker, 256 MB must stay free' }],
  })
  expect(controls.calls.filter(({ kind, target }) => kind === 'pull' && target === 'web:2')).toEqual([])
  expect(controls.container('shop-web-1')).toMatchObject({ id, state: 'running' })
  device.setDisk(disk(1e9))
  await pass(45_000)
  expect(report()).toMatchObject({ phase: 'running', outcome: 'succeeded' })
})

test('what three releases need is kept; what only older ones needed goes, and nothing of anybody else', async () => {
  const { controls, deploy } = await open()
  controls.addImage('somebody/else:1', 'sha256:else')
  controls.addImage('web:2', 'sha256:2') // here before: not ours
  for (const number of [1, 2, 3]) await deploy(number)
  expect(controls.imageNames()).toEqual(['somebody/else:1', 'web:1', 'web:2', 'web:3'])
  await deploy(4)
  expect(controls.imageNames()).toEqual(['somebody/else:1', 'web:2', 'web:3', 'web:4'])
  await deploy(5)
  expect(controls.imageNames()).toEqual(['somebody/else:1', 'web:2', 'web:3', 'web:4', 'web:5'])
  await deploy(6)
  expect(controls.imageNames()).toEqual(['somebody/else:1', 'web:2', 'web:4', 'web:5', 'web:6'])
})

test('an image that somebody else named stays under that name', async () => {
  const { device, controls, deploy } = await open()
  await deploy(1)
  await device.engine.tagImage('sha256:1', 'somebody/else:1')
  for (const number of [2, 3, 4]) await deploy(number)
  expect(controls.imageNames()).toEqual(['somebody/else:1', 'web:2', 'web:3', 'web:4'])
})

test('an image goes when nobody needs it, wherever the agent was killed while it was pulled', async () => {
  for (let calls = 5; calls < 12; calls += 1)
    for (const isAfterEffect of [false, true]) {
      const { device, controls, pass, deploy } = await open()
      device.crash(calls, isAfterEffect)
      await device.deploy(serviceModel({ web: { image: 'web:1' } }))
      await pass(2_000)
      device.revive()
      await pass(15_000)
      for (const number of [2, 3, 4]) await deploy(number)
      expect(controls.imageNames(), `killed at call ${calls}`).toEqual(['web:2', 'web:3', 'web:4'])
    }
})

test('an image for another machine goes when nobody needs it', async () => {
  const { device, controls, pass, deploy, report } = await open()
  controls.addToRegistry('web:1', 'sha256:foreign', [], 'linux/s390x')
  await device.deploy(serviceModel({ web: { image: 'web:1' } }))
  await pass(5_000)
  expect(report()?.waitingFor).toMatchObject([{ code: 'wrong-platform' }])
  controls.addToRegistry('web:1', 'sha256:1')
  await pass(30_000)
  expect(report()).toMatchObject({ outcome: 'succeeded' })
  await deploy(2)
  expect(await device.engine.image('sha256:foreign')).toBeUndefined()
})

test('an image that a foreign container uses stays, and goes when that is gone', async () => {
  const { device, controls, pass, deploy } = await open()
  await deploy(1)
  controls.addForeignContainer('foreign', { imageId: 'sha256:1' })
  for (const number of [2, 3, 4]) await deploy(number)
  expect(controls.imageNames()).toContain('web:1')
  controls.removeContainer('foreign')
  device.look()
  await pass(1_000)
  expect(controls.imageNames()).toContain('web:1')
  await pass(600_000)
  device.look()
  await pass(1_000)
  expect(controls.imageNames()).not.toContain('web:1')
})

test('with an app its images go', async () => {
  const { device, controls, pass, deploy } = await open()
  for (const number of [1, 2]) await deploy(number)
  await device.remove(app, false)
  await pass(15_000)
  expect(controls.containers()).toEqual([])
  expect(controls.imageNames()).toEqual([])
  expect(device.store.device().pulledImages).toEqual([])
})

test('a disk that is full makes room by itself where something can go', async () => {
  const { device, controls, pass, deploy, report } = await open()
  await deploy(1)
  controls.addForeignContainer('foreign', { imageId: 'sha256:1' })
  for (const number of [2, 3, 4]) await deploy(number)
  controls.removeContainer('foreign')
  device.setDisk(disk(12e6))
  await device.deploy(serviceModel({ web: { image: 'web:5' } }))
  await pass(1_000)
  expect(controls.imageNames()).not.toContain('web:1')
  device.setDisk(disk(1e9))
  await pass(45_000)
  expect(report()).toMatchObject({ outcome: 'succeeded', phase: 'running' })
})

/** A pull within a disk of which `free` tells, whose layers are told by `tell`. */
const pullWithin = (free: () => number) => {
  const begun: string[] = []
  const tellers = new Map<string, (progress: PullProgress) => void>()
  const fetchImage = createFetchWithinSpace(
    (reference, _platform, onProgress, signal) =>
      new Promise((_resolve, reject) => {
        begun.push(reference)
        tellers.set(reference, onProgress)
        signal.addEventListener('abort', () => reject(new LongshoreError('superseded', 'given up')))
      }),
    createWithinSpace({
      readDisk: async () => disk(free()),
      makeRoom: async () => undefined,
      monotonicMs: () => performance.now(),
    }),
  )
  const pull = (signal = new AbortController().signal, reference = 'web:1') =>
    fetchImage(reference, undefined, () => undefined, signal).catch((error: LongshoreError) => error)
  const tell = (totalBytes: number, reference = 'web:1', currentBytes = 0) =>
    tellers.get(reference)?.({ currentBytes, totalBytes })
  return { begun, pull, tell }
}

test('a pull that would fill the disk is given up while it runs, and not begun again until it fits', async () => {
  let free = 1e9
  const { begun, pull, tell } = pullWithin(() => free)
  const first = pull()
  await vi.advanceTimersByTimeAsync(1_000)
  tell(290e6)
  await vi.advanceTimersByTimeAsync(3_000)
  tell(300e6)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await first).toMatchObject({
    code: 'disk-full',
    message: 'pull of web:1 needs about 750 MB: 1.0 GB free on /var/lib/docker, 256 MB must stay free',
  })
  expect(await pull()).toMatchObject({ code: 'disk-full' })
  expect(begun).toHaveLength(1)
  free = 1.1e9
  void pull()
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toHaveLength(2)
})

test('what a pull has written is not counted twice, and what others write is seen', async () => {
  let free = 1e9
  const { pull, tell } = pullWithin(() => free)
  const first = pull()
  await vi.advanceTimersByTimeAsync(1_000)
  tell(200e6)
  free = 0.5e9
  await vi.advanceTimersByTimeAsync(1_000)
  free = 0.25e9
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await first).toMatchObject({ code: 'disk-full' })
})

test('pulls that do not fit together: the one that began first goes on, the other begins when it fits', async () => {
  let free = 1e9
  const { begun, pull, tell } = pullWithin(() => free)
  let hasEnded = false
  const first = pull(undefined, 'web:1').finally(() => {
    hasEnded = true
  })
  await vi.advanceTimersByTimeAsync(0)
  const second = pull(undefined, 'web:2')
  await vi.advanceTimersByTimeAsync(500)
  tell(200e6, 'web:1')
  tell(200e6, 'web:2')
  await vi.advanceTimersByTimeAsync(1_000)
  const message =
    'pull of web:2 needs about 500 MB: 1.0 GB free on /var/lib/docker, 256 MB must stay free, and about 500 MB is for what began before'
  expect(await second).toMatchObject({ code: 'disk-full', message })
  // It would fit by itself now, but not beside the other.
  expect(await pull(undefined, 'web:2')).toMatchObject({ code: 'disk-full', message })
  free = 0.8e9
  tell(200e6, 'web:1', 80e6)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(hasEnded).toBe(false)
  free = 0.2e9
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await first).toMatchObject({ code: 'disk-full' })
  free = 1e9
  void pull(undefined, 'web:2')
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toEqual(['web:1', 'web:2', 'web:2'])
})

test('a pull that is superseded says so', async () => {
  const abort = new AbortController()
  const first = pullWithin(() => 1e9).pull(abort.signal)
  await vi.advanceTimersByTimeAsync(0)
  abort.abort()
  expect(await first).toMatchObject({ code: 'superseded' })
})

test('a message that cannot be written down is taken again until it is; of a topic the newest', async () => {
  let isFull = true
  const taken: string[] = []
  const changes: string[] = []
  const pending = createPendingMessages({
    take: async (kind, name, payload) => {
      if (isFull) throw new LongshoreError('disk-full', 'no space')
      taken.push(`${kind} ${name} ${Buffer.from(payload)}`)
    },
    onChange: (name) => changes.push(name),
    log: silent,
  })
  const receive = (name: string, text: string) => pending.receive('desired', name, Buffer.from(text))
  await expect(receive('shop', 'one')).rejects.toHaveProperty('code', 'disk-full')
  await expect(receive('shop', 'two')).rejects.toHaveProperty('code', 'disk-full')
  expect(pending.reason('shop')).toEqual({ code: 'disk-full', message: 'the newest deployment waits: no space' })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(taken).toEqual([])
  isFull = false
  await vi.advanceTimersByTimeAsync(5_000)
  expect(taken).toEqual(['desired shop two'])
  expect(pending.reason('shop')).toBeUndefined()
  expect(changes.at(-1)).toBe('shop')
  await receive('shop', 'three')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(taken).toEqual(['desired shop two', 'desired shop three'])
})
