/** Images out of an engine and into one, as the archives of `docker save`: streams, for they may be larger than memory. */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { translateError } from './docker-errors.ts'
import { pullCodeOf } from './pull-failure.ts'
import { readLines } from './read-lines.ts'

/** dockerode can save one image only, and layers that several share would be in each of them. */
export const saveImages = (docker: Docker, references: readonly string[], signal: AbortSignal): Promise<Readable> =>
  new Promise((resolve, reject) => {
    const call = {
      path: '/images/get?',
      method: 'GET',
      options: { names: references },
      isStream: true,
      abortSignal: signal,
      statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
    }
    docker.modem.dial(call, (error, stream) => {
      if (error) reject(translateError(error, `saving ${references.join(', ')}`))
      else resolve(stream as Readable)
    })
  })

type Line = { error?: string; errorDetail?: { message?: string } }

/** @throws LongshoreError image-load-failed, also where the archive breaks off; disk-full, engine-unreachable */
export const loadImages = async (docker: Docker, archive: Readable, signal: AbortSignal): Promise<void> => {
  const broken = new AbortController()
  let cause: Error | undefined
  // The client library waits for ever for the rest of a stream that was closed early.
  const onClose = (): void => {
    if (!archive.readableEnded) broken.abort()
  }
  const onError = (error: Error): void => {
    cause = error
    broken.abort()
  }
  archive.once('close', onClose)
  archive.once('error', onError)
  const abortSignal = AbortSignal.any([signal, broken.signal])
  try {
    const answer = await docker.loadImage(archive, { _query: { quiet: 1 }, abortSignal })
    for await (const text of readLines(answer)) {
      const line = parseLine(text)
      const failure = line?.errorDetail?.message ?? line?.error
      if (failure !== undefined) throw new Error(failure)
    }
    if (broken.signal.aborted) throw new Error('aborted')
  } catch (error) {
    if (broken.signal.aborted) throw loadError(`the archive broke off${cause ? `: ${cause.message}` : ''}`, cause)
    if (signal.aborted) throw loadError('it was given up', error)
    const translated = translateError(error, 'loading images')
    throw translated.code === 'engine-unreachable' ? translated : loadError((error as Error).message.trim(), error)
  } finally {
    archive.removeListener('close', onClose)
    archive.removeListener('error', onError)
  }
}

const loadError = (why: string, cause: unknown): LongshoreError =>
  new LongshoreError(pullCodeOf(why) === 'disk-full' ? 'disk-full' : 'image-load-failed', `loading images: ${why}`, {
    cause,
  })

const parseLine = (text: string): Line | undefined => {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}
