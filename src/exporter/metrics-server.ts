/** Answers `GET /metrics` and `GET /-/healthy`, and nothing else. It can change nothing. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { Logger } from 'pino'
import { LongshoreError } from '../protocol/reason.ts'
import { expositionType } from './exposition.ts'

export type Address = { readonly host: string; readonly port: number }

export type MetricsServer = { readonly port: number; readonly stop: () => Promise<void> }

export type MetricsServerInput = {
  readonly listen: Address
  /** what stands on /metrics, in pieces */
  readonly render: () => Iterable<string>
  readonly log: Logger
}

const stillMs = 30_000

/** @throws LongshoreError port-unavailable */
export const startMetricsServer = async ({ listen, render, log }: MetricsServerInput): Promise<MetricsServer> => {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(request, response, render).catch((error: unknown) => {
      // Who asked may go away before the end.
      if (!response.destroyed) log.error({ err: error }, 'a scrape failed')
      response.destroy()
    })
  })
  // Nor does one that stops reading keep a page in memory.
  server.timeout = stillMs
  const { host, port } = listen
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new LongshoreError('port-unavailable', `listening on ${host} port ${port}: ${cause.message}`, { cause })),
    )
    server.listen({ host, port }, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  render: () => Iterable<string>,
): Promise<void> => {
  const [path] = (request.url ?? '').split('?')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    return
  }
  if (path === '/-/healthy') {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok\n')
    return
  }
  if (path !== '/metrics') {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('here is /metrics, and /-/healthy\n')
    return
  }
  const pieces = Readable.from(render(), { objectMode: false })
  response.setHeader('Content-Type', expositionType)
  if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) return pipeline(pieces, response)
  response.setHeader('Content-Encoding', 'gzip')
  // Series are so alike that the fastest way is nearly as small as the best.
  return pipeline(pieces, createGzip({ level: constants.Z_BEST_SPEED }), response)
}
