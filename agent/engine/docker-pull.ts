/**
 * One image pull, line by line. dockerode's `followProgress` calls a pull that failed inside its stream a success, and
 * its JSON.parse can throw where nobody catches, so the stream is read here.
 */

import { platformName } from '../../src/protocol/platform.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { translateError } from './docker-errors.ts'
import type { PullProgress } from './engine.ts'
import { pullAdvice, pullCodeOf } from './pull-failure.ts'
import { readLines } from './read-lines.ts'

type Line = { error?: string; id?: string; status?: string; progressDetail?: { current?: number; total?: number } }

/** Asks for a pull; an engine that does not begin to answer is given up like one that stops. */
export const openPull = async (
  ask: (abortSignal: AbortSignal) => Promise<unknown>,
  reference: string,
  signal: AbortSignal,
  stallMs: number,
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
  stallMs: number,
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

/** Whatever went wrong in a pull, by what the registry or the engine said of it. */
export const pullError = (error: unknown, reference: string): LongshoreError => {
  const translated = translateError(error, `pull of ${reference}`)
  if (error instanceof LongshoreError || translated.code === 'engine-unreachable') return translated
  const code = pullCodeOf(translated.message) ?? 'image-pull-failed'
  return new LongshoreError(code, `${translated.message}${pullAdvice(code, reference)}`, { cause: error })
}

type Distribution = { readonly Platforms?: readonly { os?: string; architecture?: string; variant?: string }[] }

/** An image that has nothing for this device: the registry is asked what it has. No answer makes it no worse. */
export const withOffered = async (error: unknown, ask: () => Promise<Distribution>): Promise<unknown> => {
  if (!(error instanceof LongshoreError) || error.code !== 'wrong-platform') return error
  const { Platforms = [] } = await ask().catch((): Distribution => ({}))
  const offered = Platforms.map(({ os = '', architecture = '', variant }) => platformName(os, architecture, variant))
  // Build tools list attestations beside the images, as of unknown/unknown.
  const named = [...new Set(offered)].filter((platform) => platform !== '' && !platform.startsWith('unknown/'))
  if (named.length === 0) return error
  return new LongshoreError(error.code, `${error.message}; it has ${named.sort().join(', ')}`, { cause: error })
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
