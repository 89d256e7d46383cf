/**
 * Keeps track of the images that this agent brought to the device, and removes those that nobody needs any more. Images
 * of other people are never touched: what was here before a pull is theirs.
 */
import type { Logger } from 'pino'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { FetchImage } from '../registry/fetch-image.ts'
import type { PulledImage } from '../store/device-record.ts'
import type { Store } from '../store/store.ts'
import type { RegistryMirrors } from '../translate/registry.ts'
import { imagesToRemove } from './images-to-remove.ts'
import { nextName } from './next-name.ts'

export type ImageCollector = {
  /** The same, and what it brings is remembered before anybody uses it. */
  readonly tracked: (fetchImage: FetchImage) => FetchImage
  readonly remember: (images: readonly Omit<PulledImage, 'at'>[]) => Promise<void>
  /**
   * Removes what no record and no container needs; cheap where there is nothing. Never rejects.
   * @param isPressed the disk is nearly full: also what the engine refused lately is tried again
   */
  readonly collect: (isPressed?: boolean) => Promise<void>
}

export type ImageCollectorInput = {
  readonly agent: string
  readonly engine: Pick<Engine, 'list' | 'image' | 'imageIds' | 'untagImage'>
  readonly mirrors: RegistryMirrors
  readonly store: Pick<Store, 'apps' | 'device' | 'updateDevice'>
  readonly log: Logger
  readonly nowMs: () => number
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
  /** something went: there may be room now */
  readonly onRemoved: () => void
}

/** An image that a foreign container uses is tried again after this time. */
const refusedMs = 600_000

export const createImageCollector = (input: ImageCollectorInput): ImageCollector => {
  const { agent, engine, mirrors, store, log, nowMs, monotonicMs } = input
  const refusedAt = new Map<string, number>()
  let underWay: Promise<void> | undefined

  const pulled = (): readonly PulledImage[] => store.device().pulledImages ?? []

  const remember: ImageCollector['remember'] = async (images) => {
    const added = images.map((image) => ({ ...image, at: nowMs() }))
    const isAgain = (image: PulledImage): boolean =>
      added.some(({ id, reference }) => id === image.id && reference === image.reference)
    await store.updateDevice((record) => ({
      ...record,
      pulledImages: [...(record.pulledImages ?? []).filter((image) => !isAgain(image)), ...added],
    }))
  }

  const forget = async (id: string): Promise<void> => {
    await store.updateDevice((record) => ({
      ...record,
      pulledImages: (record.pulledImages ?? []).filter((image) => image.id !== id),
    }))
  }

  const candidates = (inUse: ReadonlySet<string>): string[] =>
    imagesToRemove({ records: store.apps(), pulled: pulled(), inUse })

  const isRefused = (id: string): boolean => {
    const at = refusedAt.get(id)
    return at !== undefined && monotonicMs() - at < refusedMs
  }

  const remove = async (id: string): Promise<void> => {
    const references = pulled().flatMap((image) => (image.id === id ? [image.reference] : []))
    const { containers } = await engine.list({ agent })
    const taken = new Set<string>()
    for (;;) {
      const image = await engine.image(id)
      const name = image && nextName(image, references, mirrors)
      // Decided once more on what is known now: a deployment may have been accepted meanwhile that runs this very image.
      if (!candidates(new Set(containers.map(({ imageId }) => imageId))).includes(id)) return
      if (name === undefined) break
      if (taken.has(name)) throw new LongshoreError('engine-error', `image ${id} still has the name ${name}`)
      taken.add(name)
      await engine.untagImage(name)
    }
    log.info({ image: id, references }, 'an image that nobody needs any more was removed')
    input.onRemoved()
    await forget(id)
  }

  const removeAll = async (isPressed: boolean): Promise<void> => {
    for (const id of candidates(new Set())) {
      if (!isPressed && isRefused(id)) continue
      try {
        await remove(id)
        refusedAt.delete(id)
      } catch (error) {
        refusedAt.set(id, monotonicMs())
        log.warn({ image: id, ...reasonOf(error) }, 'an image that no app needs could not be removed')
      }
    }
  }

  const collect: ImageCollector['collect'] = async (isPressed = false) => {
    // One at a time; who is pressed waits for a round of its own.
    while (underWay !== undefined) {
      await underWay
      if (!isPressed) return
    }
    underWay = removeAll(isPressed).finally(() => {
      underWay = undefined
    })
    await underWay
  }

  return {
    tracked: (fetchImage) => async (reference, platform, onProgress, signal) => {
      const before = new Set(await engine.imageIds())
      const id = await fetchImage(reference, platform, onProgress, signal)
      const isOurs = !before.has(id) || pulled().some((image) => image.id === id)
      if (isOurs) await remember([{ id, reference }])
      return id
    },
    remember,
    collect,
  }
}
