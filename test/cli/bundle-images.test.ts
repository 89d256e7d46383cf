import { expect, test } from 'vitest'
import { findImages, type ImageSource, savedNames } from '../../src/cli/bundle-images.ts'
import { byteProgress } from '../../src/cli/byte-progress.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { modelOf } from '../support/models.ts'

const id = (digit: number): string => `sha256:${String(digit).repeat(64)}`

type Images = Record<string, { id: string; platform: string }>

/** A machine with linux/amd64; a pull brings what the registry has for the platform, in the place of what was there. */
const engineWith = (local: Images, registry: Images = {}): ImageSource => ({
  facts: async () => ({ platform: 'linux/amd64' }),
  image: async (reference) => local[reference],
  pull: async (reference, onProgress) => {
    const image = registry[reference]
    if (image === undefined) throw new LongshoreError('image-not-found', `no ${reference}`)
    onProgress({ currentBytes: 1, totalBytes: 1 })
    local[reference] = image
    return image
  },
})

const find = async (engine: ImageSource, more: { platform?: string; pull?: boolean; own?: string } = {}) => {
  const pulled: string[] = []
  const { own } = more
  const found = await findImages({
    engine,
    model: modelOf('shop', { web: { image: 'a:1', ...(own === undefined ? {} : { platform: own }) } }),
    platform: more.platform,
    pull: more.pull ?? false,
    onPull: (reference, currentBytes) => void (currentBytes === undefined && pulled.push(reference)),
    signal: new AbortController().signal,
  })
  return { ...found, pulled }
}

const amd64 = { id: id(1), platform: 'linux/amd64' }
const arm64 = { id: id(2), platform: 'linux/arm64' }

test('what is here is taken, and pulled only when asked', async () => {
  const registry = { 'a:1': { ...amd64, id: id(3) } }
  expect(await find(engineWith({ 'a:1': amd64 }, registry))).toEqual({
    platform: 'linux/amd64',
    images: { 'a:1': amd64 },
    pulled: [],
  })
  const asked = await find(engineWith({ 'a:1': amd64 }, registry), { pull: true })
  expect(asked).toMatchObject({ images: { 'a:1': { id: id(3) } }, pulled: ['a:1'] })
})

test('what is not here, or here for another platform, is pulled for the one that is wanted', async () => {
  expect(await find(engineWith({}, { 'a:1': amd64 }))).toMatchObject({ images: { 'a:1': amd64 }, pulled: ['a:1'] })
  for (const more of [{ platform: 'linux/arm64' }, { own: 'linux/arm64' }])
    expect(await find(engineWith({ 'a:1': amd64 }, { 'a:1': arm64 }), more)).toMatchObject({ images: { 'a:1': arm64 } })
})

test('an image for another platform only is refused with what is here', async () => {
  const code = (name: string) => expect.objectContaining({ code: name })
  const message = /a:1 is here for linux\/amd64, linux\/arm64 is wanted/
  for (const registry of [{}, { 'a:1': amd64 }]) {
    const finding = () => find(engineWith({ 'a:1': amd64 }, registry), { platform: 'linux/arm64' })
    await expect(finding()).rejects.toEqual(code('wrong-platform'))
    await expect(finding()).rejects.toThrow(message)
  }
  await expect(find(engineWith({}))).rejects.toEqual(code('image-not-found'))
})

test('images are saved by name, and those by digest by id', () => {
  const images = { 'b:1': amd64, [`a@${id(9)}`]: arm64 }
  expect(savedNames(images)).toEqual(['b:1', arm64.id])
})

test('in a pipe, progress is a line now and then, and the last word', () => {
  const lines: string[] = []
  let now = 0
  const stream = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as NodeJS.WriteStream
  const progress = byteProgress(stream, () => now)
  for (const bytes of [1_000_000, 2_000_000, 3_000_000, 4_000_000]) {
    progress.show('loading', bytes, 4_000_000)
    now += 2_000
  }
  progress.show('done')
  progress.end()
  expect(lines).toEqual(['loading  1.0 MB of 4.0 MB\n', 'loading  4.0 MB of 4.0 MB\n', 'done\n'])
})
