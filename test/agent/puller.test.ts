import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPuller } from '../../agent/reconcile/puller.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A puller whose pulls end when they are told to. */
const open = () => {
  const begun: {
    reference: string
    platform: string | undefined
    signal: AbortSignal
    resolve: () => void
    reject: (error: unknown) => void
    tell: (bytes: number) => void
  }[] = []
  const looks: string[] = []
  const told: string[] = []
  const puller = createPuller({
    fetchImage: (reference, platform, onProgress, signal) =>
      new Promise((settle, reject) => {
        const tell = (currentBytes: number): void => onProgress({ currentBytes, totalBytes: 100 })
        const resolve = (): void => settle(`sha256:${reference}`)
        begun.push({ reference, platform, signal, resolve, reject, tell })
      }),
    monotonicMs: () => 1_000,
    random: () => 1,
    onChange: (app) => looks.push(app),
    onProgress: (app) => told.push(app),
  })
  const references = () => begun.map(({ reference }) => reference)
  return { puller, begun, references, looks, told, flush: () => new Promise(setImmediate) }
}

test('what is wanted is pulled once, and the app looked at when it is there', async () => {
  const { puller, begun, references, looks, flush } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  puller.want('shop', 1, ['a:1', 'b:1'])
  expect(references()).toEqual(['a:1', 'b:1'])
  expect(puller.states('shop', 1)).toEqual({ 'a:1': { state: 'pulling' }, 'b:1': { state: 'pulling' } })
  begun[0]?.resolve()
  await flush()
  expect(looks).toEqual(['shop'])
  expect(puller.states('shop', 1)['a:1']).toEqual({ state: 'done', imageId: 'sha256:a:1' })
})

test('a pull for another platform takes the place of the one under way', () => {
  const { puller, begun } = open()
  puller.want('shop', 1, ['a:1'])
  puller.want('shop', 2, ['a:1'], { 'a:1': 'linux/arm64' })
  expect(begun.map(({ platform, signal }) => [platform, signal.aborted])).toEqual([
    [undefined, true],
    ['linux/arm64', false],
  ])
})

test('a state is of one generation', () => {
  const { puller } = open()
  puller.want('shop', 1, ['a:1'])
  expect(puller.states('shop', 2)).toEqual({})
  expect(puller.states('till', 1)).toEqual({})
})

test('a failed pull says why and when, and is tried again then', async () => {
  const { puller, begun, references, looks, flush } = open()
  puller.want('shop', 1, ['a:1'])
  begun[0]?.reject(new LongshoreError('image-not-found', 'pull of a:1: manifest unknown'))
  await flush()
  expect(puller.states('shop', 1)['a:1']).toEqual({
    state: 'failed',
    reason: { code: 'image-not-found', message: 'pull of a:1: manifest unknown' },
    retryAt: 2_000,
  })
  expect(looks).toEqual(['shop'])
  puller.want('shop', 1, ['a:1'])
  expect(references()).toEqual(['a:1'])
  vi.advanceTimersByTime(1_000)
  expect(references()).toEqual(['a:1', 'a:1'])
  begun[1]?.reject(new Error('a fault of ours'))
  await flush()
  expect(puller.states('shop', 1)['a:1']).toMatchObject({ reason: { code: 'image-pull-failed' }, retryAt: 3_000 })
})

test('pauses grow to five minutes', async () => {
  const { puller, begun, flush } = open()
  puller.want('shop', 1, ['a:1'])
  const pauses: number[] = []
  for (let attempt = 0; attempt < 11; attempt += 1) {
    begun[attempt]?.reject(new Error('no route'))
    await flush()
    const state = puller.states('shop', 1)['a:1']
    pauses.push(state?.state === 'failed' ? state.retryAt - 1_000 : 0)
    vi.advanceTimersByTime(300_000)
  }
  expect(pauses.slice(0, 3)).toEqual([1_000, 2_000, 4_000])
  expect(pauses.slice(-2)).toEqual([300_000, 300_000])
})

test('a registry that asks for patience gets it', async () => {
  const { puller, begun, flush } = open()
  puller.want('shop', 1, ['a:1'])
  begun[0]?.reject(new LongshoreError('registry-busy', '429'))
  await flush()
  expect(puller.states('shop', 1)['a:1']).toMatchObject({ retryAt: 33_000 })
})

test('what is no longer wanted is given up, and says nothing more', async () => {
  const { puller, begun, looks, flush } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  puller.want('shop', 1, ['b:1'])
  expect(begun.map(({ signal }) => signal.aborted)).toEqual([true, false])
  begun[0]?.reject(new Error('given up'))
  await flush()
  expect(looks).toEqual([])
  expect(puller.states('shop', 1)).toEqual({ 'b:1': { state: 'pulling' } })
})

test('a pull under way goes on for a newer generation that wants it too', () => {
  const { puller, begun, references } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  puller.want('shop', 2, ['a:1'])
  expect(references()).toEqual(['a:1', 'b:1'])
  expect(begun.map(({ signal }) => signal.aborted)).toEqual([false, true])
})

test('a tag that was asked for before a newer deployment is asked for once more, a digest is not', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1', 'b@sha256:1'])
  puller.want('shop', 2, ['a:1', 'b@sha256:1'])
  for (const { resolve } of [...begun]) resolve()
  await flush()
  expect(references()).toEqual(['a:1', 'b@sha256:1', 'a:1'])
  expect(puller.states('shop', 2)).toMatchObject({ 'a:1': { state: 'pulling' }, 'b@sha256:1': { state: 'done' } })
  begun[2]?.resolve()
  await flush()
  expect(puller.states('shop', 2)['a:1']).toEqual({ state: 'done', imageId: 'sha256:a:1' })
})

test('what was pulled is not asked for again in its generation, and is in the next', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1'])
  begun[0]?.resolve()
  await flush()
  puller.want('shop', 1, [])
  expect(puller.states('shop', 1)).toEqual({ 'a:1': { state: 'done', imageId: 'sha256:a:1' } })
  puller.want('shop', 2, ['a:1'])
  expect(references()).toEqual(['a:1', 'a:1'])
})

test('a pull that ended after it was decided that it is wanted is not begun again', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1'])
  const seen = puller.states('shop', 1)
  begun[0]?.resolve()
  await flush()
  puller.want('shop', 1, ['a:1'], {}, seen)
  expect(references()).toEqual(['a:1'])
  // It was there, and is gone again.
  puller.want('shop', 1, ['a:1'], {}, puller.states('shop', 1))
  expect(references()).toEqual(['a:1', 'a:1'])
})

test('a failed pull of the generation before is tried at once for the next', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1'])
  begun[0]?.reject(new Error('no route'))
  await flush()
  puller.want('shop', 2, ['a:1'])
  expect(references()).toEqual(['a:1', 'a:1'])
  vi.advanceTimersByTime(60_000)
  expect(references()).toEqual(['a:1', 'a:1'])
})

test('progress is of what is being pulled', async () => {
  const { puller, begun, told, flush } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  begun[0]?.tell(40)
  begun[1]?.resolve()
  await flush()
  expect(told).toEqual(['shop'])
  expect(puller.progress('shop')).toEqual([{ image: 'a:1', currentBytes: 40, totalBytes: 100 }])
})

test('a stop gives everything up', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  begun[0]?.reject(new Error('no route'))
  await flush()
  puller.stop()
  vi.advanceTimersByTime(60_000)
  expect(references()).toHaveLength(2)
  expect(begun[1]?.signal.aborted).toBe(true)
})

test('what failed is tried again at once when something changed', async () => {
  const { puller, begun, references, flush } = open()
  puller.want('shop', 1, ['a:1', 'b:1'])
  begun[0]?.reject(new LongshoreError('image-pull-failed', 'unauthorized'))
  await flush()
  puller.retryFailed()
  expect(references()).toEqual(['a:1', 'b:1', 'a:1'])
  expect(puller.states('shop', 1)['a:1']).toEqual({ state: 'pulling' })
})
