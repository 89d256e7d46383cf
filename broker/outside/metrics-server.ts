/** `/metrics` for Prometheus and `/healthz` for whatever restarts a broker that is not well. HTTP, on loopback only. */
import { createServer, type ServerResponse } from 'node:http'
import { expositionType } from '../../src/exporter/exposition.ts'
import type { BrokerStatus } from '../../src/protocol/broker-status.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { metricsText } from './metrics.ts'

export type MetricsServer = { readonly port: number; readonly stop: () => Promise<void> }

const mostConnections = 32
const patienceMs = 5_000

/** @throws LongshoreError port-unavailable */
export const startMetricsServer = async (input: {
  readonly host: string
  readonly port: number
  readonly status: () => BrokerStatus
}): Promise<MetricsServer> => {
  const { host, port } = input
  const server = createServer((request, response) => {
    request.resume()
    const path = request.method === 'GET' ? request.url?.split('?')[0] : undefined
    if (path === '/metrics') answer(response, 200, metricsText(input.status()), expositionType)
    else if (path === '/healthz') answerHealth(response, input.status())
    else answer(response, 404, 'GET /metrics or /healthz\n', 'text/plain')
  })
  server.maxConnections = mostConnections
  server.headersTimeout = patienceMs
  server.requestTimeout = patienceMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new LongshoreError('port-unavailable', `metrics on ${host}:${port}: ${error.code ?? error.message}`, {
          cause: error,
        }),
      ),
    )
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const answerHealth = (response: ServerResponse, { fault }: BrokerStatus): void =>
  answer(response, fault === undefined ? 200 : 503, `${fault ?? 'ok'}\n`, 'text/plain')

const answer = (response: ServerResponse, code: number, text: string, type: string): void =>
  void response.writeHead(code, { 'content-type': type, connection: 'close' }).end(text)
