/** Pulls that mind the disk. What one needs is told while it runs: layer by layer, and compressed. */
import type { FetchImage } from '../registry/fetch-image.ts'
import { neededBytes } from './disk-space.ts'
import type { WithinSpace } from './within-space.ts'

export const createFetchWithinSpace =
  (fetchImage: FetchImage, withinSpace: WithinSpace): FetchImage =>
  (reference, platform, onProgress, signal) =>
    withinSpace(
      `pull of ${reference}`,
      (tellNeed, within) =>
        fetchImage(
          reference,
          platform,
          (progress) => {
            tellNeed(neededBytes(progress))
            onProgress(progress)
          },
          within,
        ),
      { signal },
    )
