/** The images of a release on the engine of this machine: there, or pulled, and of the platform that is wanted. */
import type { Model } from '../compose/model.ts'
import type { Bundle } from '../protocol/bundle.ts'
import { isOfPlatform } from '../protocol/platform.ts'
import { LongshoreError, reasonOf } from '../protocol/reason.ts'

/** What is asked of an engine; the agent's own client does it. */
export type ImageSource = {
  readonly facts: () => Promise<{ readonly platform: string }>
  readonly image: (reference: string) => Promise<FoundImage | undefined>
  readonly pull: (
    reference: string,
    onProgress: (progress: { readonly currentBytes: number; readonly totalBytes: number }) => void,
    signal: AbortSignal,
    options: { readonly platform: string },
  ) => Promise<FoundImage>
}

type FoundImage = { readonly id: string; readonly platform: string }

export type FindInput = {
  readonly engine: ImageSource
  readonly model: Model
  /** what was asked for; undefined: what the engine itself is */
  readonly platform: string | undefined
  /** ask the registries also for what is here */
  readonly pull: boolean
  readonly onPull: (reference: string, currentBytes?: number, totalBytes?: number) => void
  readonly signal: AbortSignal
}

export type FoundImages = Pick<Bundle, 'platform' | 'images'>

/** @throws LongshoreError wrong-platform, image-not-found, image-pull-failed, engine-unreachable */
export const findImages = async (input: FindInput): Promise<FoundImages> => {
  const { engine, model } = input
  const platform = input.platform ?? (await engine.facts()).platform
  const images: Record<string, Bundle['images'][string]> = {}
  for (const { image: reference, platform: own } of Object.values(model.services)) {
    if (images[reference] !== undefined) continue
    const wanted = own ?? platform
    images[reference] = { id: await findImage(input, reference, wanted), platform: wanted }
  }
  return { platform, images }
}

/**
 * What to ask the engine for: names, so that they travel along. By digest an image would lose its name in an archive,
 * and not every engine finds it.
 */
export const savedNames = (images: Bundle['images']): string[] =>
  Object.entries(images)
    .map(([reference, { id }]) => (reference.includes('@') ? id : reference))
    .sort()

const findImage = async (input: FindInput, reference: string, platform: string): Promise<string> => {
  const local = await input.engine.image(reference)
  const isFit = local !== undefined && isOfPlatform(local.platform, platform)
  if (isFit && !input.pull) return local.id
  const pulled = await pullImage(input, reference, platform).catch((error: unknown) => {
    if (local === undefined || isFit || input.signal.aborted) throw error
    throw wrongPlatform(reference, local.platform, platform, `, and ${reasonOf(error).message}`)
  })
  if (isOfPlatform(pulled.platform, platform)) return pulled.id
  throw wrongPlatform(reference, pulled.platform, platform, '')
}

const pullImage = ({ engine, onPull, signal }: FindInput, reference: string, platform: string): Promise<FoundImage> => {
  onPull(reference)
  return engine.pull(reference, ({ currentBytes, totalBytes }) => onPull(reference, currentBytes, totalBytes), signal, {
    platform,
  })
}

const wrongPlatform = (reference: string, found: string, wanted: string, more: string): LongshoreError =>
  new LongshoreError('wrong-platform', `image ${reference} is here for ${found}, ${wanted} is wanted${more}`)
