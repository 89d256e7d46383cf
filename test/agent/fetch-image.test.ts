/** Where an image is looked for, in which order, and under which names it is then here: on the simulated engine. */
import { expect, test } from 'vitest'
import { simulatedEngine } from '../../agent/engine/simulated.ts'
import { createFetchImage } from '../../agent/registry/fetch-image.ts'
import { findLocalImage } from '../../agent/registry/local-image.ts'

const mirrors = { '*': ['one.example', 'two.example/hub'] }

const open = () => {
  const engine = simulatedEngine({ now: Date.now })
  const asked: string[] = []
  let now = 0
  const fetchImage = createFetchImage({
    engine,
    mirrors,
    credentials: async (registry) => {
      asked.push(registry)
      return undefined
    },
    monotonicMs: () => now,
  })
  const fetch = (reference = 'web:1', platform?: string) => {
    asked.length = 0
    return fetchImage(reference, platform, () => undefined, new AbortController().signal)
  }
  const pass = (ms: number): void => {
    now += ms
  }
  const id = async (reference: string) => (await engine.image(reference))?.id
  return { engine, controls: engine.controls, asked, fetch, pass, id }
}

test('the first mirror that has it is enough, and the image has its own name only', async () => {
  const { controls, asked, fetch, id } = open()
  controls.addToRegistry('one.example/library/web:1', 'sha256:web')
  expect(await fetch()).toBe('sha256:web')
  expect(asked).toEqual(['one.example'])
  expect([await id('web:1'), await id('one.example/library/web:1')]).toEqual(['sha256:web', undefined])
})

test('two pulls from one mirror at once do not take its name from each other', async () => {
  const { controls, fetch, id } = open()
  controls.addToRegistry('one.example/library/web:1', 'sha256:web')
  expect(await Promise.all([fetch(), fetch()])).toEqual(['sha256:web', 'sha256:web'])
  const changes = controls.calls.map(({ kind }) => kind).filter((kind) => kind !== 'facts' && kind !== 'image')
  expect(changes).toEqual(['pull', 'tagImage', 'untagImage', 'pull', 'tagImage', 'untagImage'])
  expect([await id('web:1'), await id('one.example/library/web:1')]).toEqual(['sha256:web', undefined])
})

test('a registry is no mirror of itself', async () => {
  const { asked, fetch } = open()
  await fetch('one.example/web:1').catch(() => undefined)
  expect(asked).toEqual(['two.example', 'one.example'])
})

test('a name of the mirror that was there before stays what it was', async () => {
  const { controls, fetch, id } = open()
  controls.addImage('one.example/library/web:1', 'sha256:mine')
  controls.addToRegistry('one.example/library/web:1', 'sha256:web')
  await fetch()
  expect([await id('web:1'), await id('one.example/library/web:1')]).toEqual(['sha256:web', 'sha256:mine'])
})

test('mirrors in order, then the registry itself; the message has the reasons of all', async () => {
  const { controls, asked, fetch } = open()
  controls.failNext('pull', 'image-pull-failed')
  const failure: unknown = await fetch().catch((error: unknown) => error)
  expect(asked).toEqual(['one.example', 'two.example', 'docker.io'])
  expect(failure).toMatchObject({
    code: 'image-not-found',
    message: expect.stringMatching(/one\.example.*; .*two\.example\/hub\/library\/web:1.*; .*pull of web:1/),
  })
})

test('a mirror that failed stands behind the registry for five minutes', async () => {
  const { controls, asked, fetch, pass } = open()
  controls.addToRegistry('web:1', 'sha256:web')
  controls.failNext('pull', 'image-pull-failed')
  await fetch()
  expect(asked).toEqual(['one.example', 'two.example', 'docker.io'])
  await fetch()
  expect(asked).toEqual(['two.example', 'docker.io'])
  await fetch('web:2').catch(() => undefined)
  expect(asked).toEqual(['two.example', 'docker.io', 'one.example'])
  pass(300_000)
  await fetch()
  expect(asked).toEqual(['one.example', 'two.example', 'docker.io'])
})

test('a full disk is as full from the next place', async () => {
  const { controls, asked, fetch } = open()
  controls.failNext('pull', 'disk-full')
  await expect(fetch()).rejects.toHaveProperty('code', 'disk-full')
  expect(asked).toEqual(['one.example'])
})

test('a pull that was given up asks nobody else', async () => {
  const { engine, asked } = open()
  const abort = new AbortController()
  const fetchImage = createFetchImage({
    engine,
    mirrors,
    credentials: async (registry) => {
      asked.push(registry)
      abort.abort()
      return undefined
    },
    monotonicMs: () => 0,
  })
  await expect(fetchImage('web:1', undefined, () => undefined, abort.signal)).rejects.toHaveProperty(
    'code',
    'superseded',
  )
  expect(asked).toEqual(['one.example'])
})

test('an image for another machine is refused, unless that is what was asked for', async () => {
  const { controls, fetch } = open()
  controls.addToRegistry('web:1', 'sha256:arm', [], 'linux/arm64')
  await expect(fetch()).rejects.toMatchObject({
    code: 'wrong-platform',
    message: expect.stringContaining('is for linux/arm64, and this device is linux/amd64'),
  })
  expect(await fetch('web:1', 'linux/arm64')).toBe('sha256:arm')
})

test('what was named by digest keeps the name of the mirror, and is found by it', async () => {
  const { engine, controls, fetch, id } = open()
  const digest = `web@sha256:${'0'.repeat(64)}`
  controls.addToRegistry(`one.example/library/${digest}`, 'sha256:web')
  expect(await fetch(digest)).toBe('sha256:web')
  expect(await id(digest)).toBeUndefined()
  expect(await findLocalImage(engine, mirrors)(digest)).toHaveProperty('id', 'sha256:web')
  expect(await findLocalImage(engine, mirrors)('one.example/nothing:1')).toBeUndefined()
})
