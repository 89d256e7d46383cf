/**
 * Keeps track of the images that this agent brought to the device, and removes those that nobody needs any more. Images
 * of other people are never touched: what was here before a pull is theirs.
 */
import type { Logger } from 'pino'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { Engine } from '../engine/engine.ts'
import type { FetchImage } from '../registry/fetch-image.ts'
import type { DeviceRecord, PulledImage } from '../store/device-record.ts'
import type { Store } from '../store/store.ts'
import { mirrorReferences, type RegistryMirrors } from '../translate/registry.ts'
import { imagesToRemove } from './images-to-remove.ts'
import { nextName } from './next-name.ts'

export type ImageCollector = {
  /** The same, and what it brings is remembered before anybody uses it, also when it is of no use or the agent ends. */
  readonly tracked: (fetchImage: FetchImage) => FetchImage
  readonly remember: (images: readonly Omit<PulledImage, 'at'>[]) => Promise<void>
  /**
   * Removes what no record and no container needs; cheap where there is nothing. Never rejects.
   * @param isPressed the disk is nearly full: also what the engine refused lately is tried again
   */
  readonly collect: (isPressed?: boolean) => Promise<void>
  /** Ids of what `collect` would remove now, with all its references; what other containers use stays. */
  readonly collectable: () => Promise<readonly Collectable[]>
}

export type Collectable = { readonly id: string; readonly references: readonly string[]; readonly sizeBytes: number }

export type ImageCollectorInput = {
  readonly agent: string
  readonly engine: Pick<Engine, 'image' | 'imageIds' | 'imagesInUse' | 'list' | 'untagImage'>
  readonly mirrors: RegistryMirrors
  readonly store: Pick<Store, 'apps' | 'device' | 'updateDevice'>
  readonly log: Logger
  /** somebody is about to deploy what runs this image */
  readonly isAwaited: (id: string) => boolean
  readonly nowMs: () => number
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
  /** something went: there may be room now */
  readonly onRemoved: () => void
}

/** An image that a foreign container uses is tried again after this time. */
const refusedMs = 600_000

export const createImageCollector = (input: ImageCollectorInput): ImageCollector => {
  const { agent, engine, mirrors, store, log, isAwaited, nowMs, monotonicMs } = input
  const refusedAt = new Map<string, number>()
  /** references, once for each pull that is under way in this process */
  const active: string[] = []
  let underWay: Promise<void> | undefined

  const pulled = (): readonly PulledImage[] => store.device().pulledImages ?? []

  const withImages = (record: DeviceRecord, images: readonly Omit<PulledImage, 'at'>[]): DeviceRecord => {
    const isAgain = (image: PulledImage): boolean =>
      images.some(({ id, reference }) => id === image.id && reference === image.reference)
    const others = (record.pulledImages ?? []).filter((image) => !isAgain(image))
    return { ...record, pulledImages: [...others, ...images.map((image) => ({ ...image, at: nowMs() }))] }
  }

  const remember: ImageCollector['remember'] = async (images) => {
    await store.updateDevice((record) => withImages(record, images))
  }

  const idsNamed = async (reference: string): Promise<string[]> => {
    const names = [reference, ...mirrorReferences(reference, mirrors)]
    const images = await Promise.all(names.map((name) => engine.image(name)))
    return [...new Set(images.flatMap((image) => image?.id ?? []))]
  }

  /** @returns what the reference named before it was first asked for, where an attempt before this one did not end */
  const begin = async (reference: string): Promise<readonly string[] | undefined> => {
    const earlier = store.device().begunPulls?.find((pull) => pull.reference === reference)
    if (earlier !== undefined) return earlier.before
    const before = await idsNamed(reference)
    await store.updateDevice((record) =>
      record.begunPulls?.some((pull) => pull.reference === reference)
        ? record
        : { ...record, begunPulls: [...(record.begunPulls ?? []), { reference, before }] },
    )
    return undefined
  }

  const end = async (reference: string, ids: readonly string[]): Promise<void> => {
    await store.updateDevice(({ begunPulls = [], ...record }) => ({
      ...(ids.length === 0
        ? record
        : withImages(
            record,
            ids.map((id) => ({ id, reference })),
          )),
      begunPulls: begunPulls.filter((pull) => pull.reference !== reference),
    }))
  }

  /** What pulls brought that failed after all, or during which the agent ended. */
  const endOthers = async (): Promise<void> => {
    for (const { reference, before } of store.device().begunPulls ?? []) {
      if (active.includes(reference)) continue
      await end(
        reference,
        (await idsNamed(reference)).filter((id) => !before.includes(id)),
      )
    }
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
    const isUsedByOthers = (await engine.imagesInUse()).includes(id)
    const taken = new Set<string>()
    for (;;) {
      const image = await engine.image(id)
      const name = image && nextName(image, references, mirrors)
      // Decided once more on what is known now: a deployment may have been accepted meanwhile that runs this very image.
      if (isAwaited(id) || !candidates(new Set(containers.map(({ imageId }) => imageId))).includes(id)) return
      if (name === undefined) break
      // With another name an engine would let ours go, by which somebody may have started it.
      if (isUsedByOthers) throw new LongshoreError('engine-error', `a container that is not ours uses image ${id}`)
      if (taken.has(name)) throw new LongshoreError('engine-error', `image ${id} still has the name ${name}`)
      taken.add(name)
      await engine.untagImage(name)
    }
    log.info({ image: id, references }, 'an image that nobody needs any more was removed')
    input.onRemoved()
    await forget(id)
  }

  const removeAll = async (isPressed: boolean): Promise<void> => {
    await endOthers().catch((error: unknown) => {
      log.warn({ ...reasonOf(error) }, 'what pulls brought that did not end could not be found out')
    })
    for (const id of candidates(new Set())) {
      if (isAwaited(id) || (!isPressed && isRefused(id))) continue
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
      const earlier = await begin(reference)
      const isOurs = (id: string): boolean =>
        !before.has(id) || earlier?.includes(id) === false || pulled().some((image) => image.id === id)
      active.push(reference)
      try {
        const id = await fetchImage(reference, platform, onProgress, signal)
        await end(reference, isOurs(id) ? [id] : [])
        return id
      } catch (error) {
        // One for another machine came all the same. What cannot be found out now is when the pull ends for good.
        const came = (await idsNamed(reference).catch(() => [])).filter((id) => !before.has(id))
        if (came.length > 0) await remember(came.map((id) => ({ id, reference }))).catch(() => undefined)
        throw error
      } finally {
        active.splice(active.indexOf(reference), 1)
      }
    },
    remember,
    collect,
    collectable: async () => {
      const inUse = new Set(await engine.imagesInUse())
      const ids = candidates(inUse).filter((id) => !inUse.has(id) && !isAwaited(id))
      const images = await Promise.all(ids.map((id) => engine.image(id)))
      return images.flatMap((image) => {
        if (image === undefined) return []
        const references = pulled().flatMap(({ id, reference }) => (id === image.id ? [reference] : []))
        return [{ id: image.id, references, sizeBytes: image.sizeBytes }]
      })
    },
  }
}
