/** Finds a local image by digest also under a mirror's name: from there it came, and a digest cannot be renamed. */
import type { Engine } from '../engine/engine.ts'
import { isByDigest, mirrorReferences, type RegistryMirrors } from '../translate/registry.ts'

export const findLocalImage =
  (engine: Pick<Engine, 'image'>, mirrors: RegistryMirrors): Engine['image'] =>
  async (reference) => {
    const image = await engine.image(reference)
    if (image !== undefined || !isByDigest(reference)) return image
    for (const source of mirrorReferences(reference, mirrors)) {
      const found = await engine.image(source)
      if (found !== undefined) return found
    }
    return undefined
  }
