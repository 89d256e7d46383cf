/** Gets images outside the loop, so that a slow pull holds nothing else back. Says how it stands; the planner decides. */
import type { Code } from '../../src/protocol/codes.ts'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { PullProgress } from '../engine/engine.ts'
import type { FetchImage } from '../registry/fetch-image.ts'
import { isByDigest } from '../translate/registry.ts'
import type { PullState } from './plan-contract.ts'

export type Puller = {
  /**
   * What an app wants pulled for a generation; all else that was begun for it is given up.
   * @param seen the states that it was decided on: what ended since is not begun again
   */
  readonly want: (
    app: string,
    generation: number,
    references: readonly string[],
    platforms?: Readonly<Record<string, string>>,
    seen?: Readonly<Record<string, PullState>>,
  ) => void
  readonly states: (app: string, generation: number) => Readonly<Record<string, PullState>>
  readonly progress: (
    app: string,
  ) => readonly { readonly image: string; readonly currentBytes: number; readonly totalBytes: number }[]
  /** What failed (with this code) may work now, as after credentials were set: not tried after a pause but at once. */
  readonly retryFailed: (code?: Code) => void
  readonly stop: () => void
}

export type PullerInput = {
  /** one attempt, wherever the image is to be had */
  readonly fetchImage: FetchImage
  /** ms of the clock that never jumps */
  readonly monotonicMs: () => number
  readonly random: () => number
  /** a pull ended, well or not, or may be tried again: look at the app */
  readonly onChange: (app: string) => void
  readonly onProgress: (app: string) => void
}

type Job = {
  readonly abort: AbortController
  readonly platform: string | undefined
  state: PullState
  progress: PullProgress
  attempts: number
  /** Somebody deployed while it was under way: the tag may have been moved since the registry was asked. */
  isOutdated: boolean
  timer?: NodeJS.Timeout
}

/**
 * 1, 2, 4 … s, and 5 minutes at most: each attempt costs the site's link, which may be paid for by the byte. A registry
 * that asks for patience says for how long, but the engine does not tell: from half a minute up. To see whether there
 * is space by now costs nothing.
 */
const pauseMs = (attempts: number, code: Code): number =>
  code === 'disk-full'
    ? 30_000
    : Math.min(300_000, 1_000 * 2 ** Math.min(attempts - 1 + (code === 'registry-busy' ? 5 : 0), 10))

export const createPuller = (input: PullerInput): Puller => {
  const { fetchImage, monotonicMs, random, onChange, onProgress } = input
  const apps = new Map<string, { generation: number; readonly jobs: Map<string, Job> }>()

  const pull = (app: string, reference: string, job: Job): void => {
    job.state = { state: 'pulling' }
    job.isOutdated = false
    const onBytes = (progress: PullProgress): void => {
      job.progress = progress
      onProgress(app)
    }
    fetchImage(reference, job.platform, onBytes, job.abort.signal)
      .then(
        (imageId) => {
          // Asked once more: layers that are here by now are not fetched again.
          if (job.isOutdated) pull(app, reference, job)
          else job.state = { state: 'done', imageId }
        },
        (error: unknown) => {
          if (job.abort.signal.aborted) return
          job.attempts += 1
          const reason =
            error instanceof LongshoreError
              ? reasonOf(error)
              : { ...reasonOf(error), code: 'image-pull-failed' as const }
          // Full jitter from half up: a site's devices must not ask its registry all at once.
          const delayMs = pauseMs(job.attempts, reason.code) * (0.5 + random() / 2)
          job.state = { state: 'failed', reason, retryAt: monotonicMs() + delayMs }
          job.timer = setTimeout(() => pull(app, reference, job), delayMs)
        },
      )
      .finally(() => {
        if (!job.abort.signal.aborted) onChange(app)
      })
  }

  const giveUp = (job: Job): void => {
    clearTimeout(job.timer)
    job.abort.abort()
  }

  return {
    want: (app, generation, references, platforms = {}, seen) => {
      const entry = apps.get(app) ?? { generation, jobs: new Map<string, Job>() }
      const isNew = entry.generation !== generation
      for (const [reference, job] of entry.jobs) {
        // A finished pull is kept for its generation: `pull_policy: always` asks once.
        const isKept =
          references.includes(reference) && job.platform === platforms[reference]
            ? job.state.state === 'pulling' || !isNew
            : !isNew && job.state.state === 'done'
        if (!isKept) {
          giveUp(job)
          entry.jobs.delete(reference)
        } else if (isNew && !isByDigest(reference)) job.isOutdated = true
      }
      entry.generation = generation
      apps.set(app, entry)
      for (const reference of references) {
        const job = entry.jobs.get(reference)
        const isSeen = seen === undefined || seen[reference] === job?.state
        if (job !== undefined && (job.state.state !== 'done' || !isSeen)) continue
        const fresh: Job = {
          abort: new AbortController(),
          platform: platforms[reference],
          state: { state: 'pulling' },
          progress: { currentBytes: 0, totalBytes: 0 },
          attempts: 0,
          isOutdated: false,
        }
        entry.jobs.set(reference, fresh)
        pull(app, reference, fresh)
      }
    },
    states: (app, generation) => {
      const entry = apps.get(app)
      if (entry === undefined || entry.generation !== generation) return {}
      return Object.fromEntries([...entry.jobs].map(([reference, job]) => [reference, job.state]))
    },
    progress: (app) =>
      [...(apps.get(app)?.jobs ?? [])]
        .filter(([, job]) => job.state.state === 'pulling')
        .map(([image, job]) => ({ image, ...job.progress })),
    retryFailed: (code) => {
      for (const [app, { jobs }] of apps)
        for (const [reference, job] of jobs) {
          if (job.state.state !== 'failed' || (code !== undefined && job.state.reason.code !== code)) continue
          clearTimeout(job.timer)
          job.attempts = 0
          pull(app, reference, job)
        }
    },
    stop: () => {
      for (const { jobs } of apps.values()) for (const job of jobs.values()) giveUp(job)
      apps.clear()
    },
  }
}
