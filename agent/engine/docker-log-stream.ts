/** What a container said, as a stream over the Docker Engine API: the client library would hold a log that is not followed in memory. */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { statusOf, translateError } from './docker-errors.ts'
import type { LogFrame, LogQuery } from './engine.ts'
import { createFrameReader } from './log-frames.ts'
import { epochSecondsOf } from './log-time.ts'

/** @throws LongshoreError log-unreadable, engine-unreachable, engine-error */
export async function* readLogs(
  docker: Docker,
  id: string,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly LogFrame[]> {
  const doing = `reading the log of ${id.slice(0, 12)}`
  let stream: Readable | undefined
  try {
    const { Config, HostConfig } = await docker.getContainer(id).inspect()
    // Docker says 501 of it or, of a container that never ran, nothing at all.
    if (HostConfig.LogConfig?.Type === 'none')
      throw new LongshoreError('log-unreadable', 'its log driver none keeps nothing that could be read')
    stream = await openLogs(docker, id, query, signal)
    const reader = createFrameReader(Config.Tty, query.joins === true)
    for await (const bytes of stream) {
      const frames = reader.read(bytes as Buffer)
      if (frames.length > 0) yield frames
    }
    yield reader.rest()
  } catch (error) {
    if (signal.aborted || statusOf(error) === 404) return
    if (statusOf(error) === 501)
      throw new LongshoreError('log-unreadable', 'its log driver keeps nothing that could be read', { cause: error })
    throw translateError(error, doing)
  } finally {
    stream?.destroy()
  }
}

const openLogs = (docker: Docker, id: string, query: LogQuery, signal: AbortSignal): Promise<Readable> =>
  new Promise((resolve, reject) => {
    const call = {
      path: `/containers/${id}/logs?`,
      method: 'GET',
      options: {
        stdout: true,
        stderr: true,
        timestamps: true,
        follow: query.follow,
        tail: query.tail ?? 'all',
        ...(query.since === undefined ? {} : { since: epochSecondsOf(query.since) }),
        ...(query.until === undefined ? {} : { until: epochSecondsOf(query.until) }),
      },
      isStream: true,
      abortSignal: signal,
      statusCodes: { 200: true, 404: 'no such container', 500: 'server error', 501: 'not implemented' },
    }
    docker.modem.dial(call, (error, stream) => {
      if (error) reject(error)
      else resolve(stream as Readable)
    })
  })
