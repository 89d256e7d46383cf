/**
 * One image pull, line by line. dockerode's `followProgress` calls a pull that failed inside its stream a success, and
 * its JSON.parse can throw where nobody catches, so the stream is read here.
 */

import { LongshoreError } from '../../src/protocol/reason.ts'
import { translateError } from './docker-errors.ts'
import type { PullProgress } from './engine.ts'
import { readLines } from './read-lines.ts'

type Line = { error?: string; id?: string; status?: string; progressDetail?: { current?: number; total?: number } }

/** Without a byte for this long a pull is given up; the layers that are there are kept by the engine. */
const stallMs = 120_000

/** Asks for a pull; an engine that does not begin to answer is given up like one that stops. */
export const openPull = async (
  ask: (abortSignal: AbortSignal) => Promise<unknown>,
  reference: string,
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> => {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), stallMs)
  try {
    return (await ask(AbortSignal.any([signal, silent.signal]))) as NodeJS.ReadableStream
  } catch (error) {
    if (silent.signal.aborted)
      throw new LongshoreError('image-pull-failed', `pull of ${reference}: no answer for ${stallMs / 1000} s`)
    throw pullError(error, reference)
  } finally {
    clearTimeout(timer)
  }
}

export const followPull = async (
  stream: NodeJS.ReadableStream,
  reference: string,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> => {
  const layers = new Map<string, { current: number; total: number }>()
  const destroy = (error?: Error): void => {
    ;(stream as NodeJS.ReadableStream & { destroy: (error?: Error) => void }).destroy(error)
  }
  const abort = (): void => destroy(new LongshoreError('superseded', `pull of ${reference} was given up`))
  const stalled = (): void =>
    destroy(new LongshoreError('image-pull-failed', `pull of ${reference}: nothing came for ${stallMs / 1000} s`))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  let timer = setTimeout(stalled, stallMs)
  try {
    for await (const text of readLines(stream)) {
      clearTimeout(timer)
      timer = setTimeout(stalled, stallMs)
      const line = parseLine(text)
      if (line?.error !== undefined) throw pullError(new Error(line.error), reference)
      if (line?.id === undefined || line.progressDetail?.total === undefined || line.status !== 'Downloading') continue
      layers.set(line.id, { current: line.progressDetail.current ?? 0, total: line.progressDetail.total })
      onProgress(sum(layers.values()))
    }
  } catch (error) {
    throw pullError(error, reference)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** Whatever went wrong in a pull: not there, or not to be had now. */
export const pullError = (error: unknown, reference: string): LongshoreError => {
  const translated = translateError(error, `pull of ${reference}`)
  return translated.code === 'engine-error'
    ? new LongshoreError('image-pull-failed', translated.message, { cause: error })
    : translated
}

const parseLine = (text: string): Line | undefined => {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined // a torn last line says nothing
  }
}

const sum = (layers: Iterable<{ current: number; total: number }>): PullProgress => {
  let [currentBytes, totalBytes] = [0, 0]
  for (const { current, total } of layers) {
    currentBytes += current
    totalBytes += total
  }
  return { currentBytes, totalBytes }
}
