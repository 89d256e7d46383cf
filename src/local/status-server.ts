/**
 * How a daemon is, for anybody on the machine: HTTP on a socket that only ever answers `GET /status`, so that monitoring,
 * and a container that it is mounted into, needs no rights.
 */
import { createServer } from 'node:http'
import type { Logger } from 'pino'
import { type LocalServer, serveOnSocket } from './serve-on-socket.ts'

export type StatusServerInput = {
  readonly socketPath: string
  readonly status: () => object
  /** what cannot be done without it */
  readonly what: string
  readonly log: Logger
}

/** Of those who connect and say nothing there may be so many: the daemon has more to do with its files. */
const mostConnections = 32
const patienceMs = 5_000

export const startStatusServer = ({ socketPath, status, what, log }: StatusServerInput): Promise<LocalServer> => {
  const server = createServer((request, response) => {
    request.resume()
    const isAsked = request.method === 'GET' && (request.url === '/status' || request.url === '/')
    const [code, body] = isAsked
      ? [200, status()]
      : [404, { error: { code: 'usage', message: 'this socket answers GET /status only' } }]
    response.writeHead(code, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
  })
  server.maxConnections = mostConnections
  server.headersTimeout = patienceMs
  server.requestTimeout = patienceMs
  server.on('connection', (socket) => socket.setTimeout(patienceMs, () => socket.destroy()))
  return serveOnSocket({ server, socketPath, mode: 0o666, what, log })
}
