/**
 * One attempt to get an image: from the mirrors of its registry in order, then from the registry itself, always under the
 * image's own name. A mirror that failed stands behind the registry for some minutes, so that one that hangs costs its
 * time once and not in every attempt.
 */
import type { Code } from '../../src/protocol/codes.ts'
import { misfitOf } from '../../src/protocol/platform.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { Engine, EngineImage, PullProgress } from '../engine/engine.ts'
import { isByDigest, mirrorReferences, type RegistryMirrors, registryOf } from '../translate/registry.ts'
import type { CredentialSource } from './file-credentials.ts'

/** @returns the id of the image; @throws LongshoreError with the reasons of all places that were asked */
export type FetchImage = (
  reference: string,
  platform: string | undefined,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
) => Promise<string>

export type FetchImageInput = {
  readonly engine: Pick<Engine, 'facts' | 'image' | 'pull' | 'tagImage' | 'untagImage'>
  readonly mirrors: RegistryMirrors
  readonly credentials: CredentialSource
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
}

const avoidMirrorMs = 300_000

/** Runs what is under one key one after another. */
const createTurns = () => {
  const last = new Map<string, Promise<unknown>>()
  return <T>(key: string, act: () => Promise<T>): Promise<T> => {
    const mine = (last.get(key) ?? Promise.resolve()).then(act, act)
    last.set(key, mine)
    const end = (): void => {
      if (last.get(key) === mine) last.delete(key)
    }
    mine.then(end, end)
    return mine
  }
}

export const createFetchImage = ({ engine, mirrors, credentials, monotonicMs }: FetchImageInput): FetchImage => {
  /** by registry: when it last failed as a mirror */
  const failedAt = new Map<string, number>()

  /** A mirror's name is taken away at the end: not while another pull is still under it. */
  const inTurn = createTurns()

  const isAvoided = (source: string): boolean =>
    monotonicMs() - (failedAt.get(registryOf(source)) ?? Number.NEGATIVE_INFINITY) < avoidMirrorMs

  /** Where to ask, in order. */
  const sourcesOf = (reference: string): string[] => {
    const all = mirrorReferences(reference, mirrors).filter((source) => source !== reference)
    return [...all.filter((source) => !isAvoided(source)), reference, ...all.filter(isAvoided)]
  }

  return async (reference, platform, onProgress, signal) => {
    const { platform: enginePlatform } = await engine.facts()

    const pull = async (source: string): Promise<EngineImage> =>
      engine.pull(source, onProgress, signal, { platform, credentials: await credentials(registryOf(source)) })

    const pullAside = async (source: string): Promise<EngineImage> => {
      const before = await engine.image(source)
      const image = await pull(source)
      await rename(engine, image, source, reference, before)
      return image
    }

    const pullFrom = async (source: string): Promise<string> => {
      const image = source === reference ? await pull(source) : await inTurn(source, () => pullAside(source))
      const misfit = misfitOf(source, image.platform, platform, enginePlatform)
      if (misfit !== undefined) throw new LongshoreError(misfit.code, misfit.message)
      return image.id
    }

    const failures = new Map<string, LongshoreError>()
    for (const source of sourcesOf(reference)) {
      try {
        const id = await pullFrom(source)
        failedAt.delete(registryOf(source))
        return id
      } catch (error) {
        if (signal.aborted || !(error instanceof LongshoreError) || hopeless.has(error.code)) throw error
        failures.set(source, error)
        if (source !== reference && avoided.has(error.code)) failedAt.set(registryOf(source), monotonicMs())
      }
    }
    throw together(reference, failures)
  }
}

/** No other source would change it. */
const hopeless: ReadonlySet<Code> = new Set(['engine-unreachable', 'disk-full'])

/** What may have cost a long wait, or should not be asked again soon; other answers are about one image, and quick. */
const avoided: ReadonlySet<Code> = new Set(['image-pull-failed', 'registry-busy'])

/** What came under the mirror's name gets its own, and a name that was not there before goes again. */
const rename = async (
  engine: FetchImageInput['engine'],
  { id }: EngineImage,
  source: string,
  reference: string,
  before: EngineImage | undefined,
): Promise<void> => {
  // A digest cannot be given as a name: the mirror's own is what keeps such an image from being nameless.
  if (isByDigest(reference)) return
  await engine.tagImage(id, reference)
  if (before === undefined) await engine.untagImage(source)
  else if (before.id !== id) await engine.tagImage(before.id, source)
}

/** The reasons of all places; the code is what the image's own registry answered. */
const together = (reference: string, failures: ReadonlyMap<string, LongshoreError>): LongshoreError => {
  const own = failures.get(reference)
  if (own === undefined) return new LongshoreError('internal-error', `pull of ${reference}: its registry was not asked`)
  if (failures.size === 1) return own
  const messages = [...failures.values()].map(({ message }) => message)
  return new LongshoreError(own.code, messages.join('; '), { cause: own })
}
