/** Everything about images put together: where they come from, whether they fit on the disk, and when they go again. */
import type { AgentInput } from './agent-contract.ts'
import { createFetchWithinSpace } from './disk/fetch-within-space.ts'
import { createImageCollector, type ImageCollector } from './disk/image-collector.ts'
import { createWithinSpace, type WithinSpace } from './disk/within-space.ts'
import { createPuller, type Puller } from './reconcile/puller.ts'
import { createFetchImage } from './registry/fetch-image.ts'
import type { Secrets } from './secrets/secrets.ts'

export type ImagesInput = Pick<
  AgentInput,
  | 'device'
  | 'engine'
  | 'registryMirrors'
  | 'registryCredentials'
  | 'readDisk'
  | 'store'
  | 'log'
  | 'nowMs'
  | 'monotonicMs'
  | 'random'
> & {
  readonly secrets: Pick<Secrets, 'credentials'>
  /** a bundle that is being loaded will need it */
  readonly isAwaited: (imageId: string) => boolean
  /** a pull for this app came to something */
  readonly onChange: (app: string) => void
  readonly onProgress: (app: string) => void
}

export type Images = {
  readonly collector: ImageCollector
  readonly withinSpace: WithinSpace
  readonly puller: Puller
}

export const createImages = (input: ImagesInput): Images => {
  const { device, engine, registryMirrors: mirrors, store, secrets, log, nowMs, monotonicMs, random } = input
  const collector = createImageCollector({
    agent: device,
    engine,
    mirrors,
    store,
    log,
    nowMs,
    monotonicMs,
    isAwaited: input.isAwaited,
    onRemoved: () => puller.retryFailed('disk-full'),
  })
  const fetchImage = createFetchImage({
    engine,
    mirrors,
    credentials: async (registry) => (await secrets.credentials(registry)) ?? input.registryCredentials(registry),
    monotonicMs,
  })
  const withinSpace = createWithinSpace({
    readDisk: input.readDisk,
    makeRoom: () => collector.collect(true),
    monotonicMs,
  })
  const puller = createPuller({
    fetchImage: createFetchWithinSpace(collector.tracked(fetchImage), withinSpace),
    monotonicMs,
    random,
    onChange: input.onChange,
    onProgress: input.onProgress,
  })
  return { collector, withinSpace, puller }
}
