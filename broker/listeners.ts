/** The two doors, TCP and WebSocket: each hands a byte stream to `accept`. They know nothing of MQTT. */
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { LongshoreError } from '../src/protocol/reason.ts'
import { mayUpgrade } from './rules.ts'

export type Accept = (socket: Duplex, request?: IncomingMessage) => void

export type Listener = { readonly port: number; readonly close: () => Promise<void> }

export const listenTcp = async (host: string, port: number, accept: Accept): Promise<Listener> => {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, accept)
  return listen(server, host, port)
}

export const listenWebSocket = async (
  host: string,
  port: number,
  options: {
    readonly allowedOrigins: readonly string[]
    readonly maxFrameBytes: number
    readonly refused: (message: string) => void
  },
  accept: Accept,
): Promise<Listener> => {
  const server = createHttpServer((_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain' }).end('MQTT over WebSocket only\n')
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: () => 'mqtt',
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const verdict = mayUpgrade(
      { origin: request.headers.origin, protocols: request.headers['sec-websocket-protocol'] },
      options.allowedOrigins,
    )
    if (!verdict.ok) {
      options.refused(verdict.message)
      socket.end(`HTTP/1.1 ${verdict.status} Refused\r\nconnection: close\r\n\r\n${verdict.message}\n`, () =>
        socket.destroy(),
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // [MQTT-6.0.0-1]: binary frames only.
      webSocket.on('message', (_data, isBinary) => {
        if (!isBinary) webSocket.terminate()
      })
      accept(createWebSocketStream(webSocket), request)
    })
  })
  return listen(server, host, port)
}

const listen = (server: Server | HttpServer, host: string, port: number): Promise<Listener> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new LongshoreError('port-unavailable', `listening on ${host} port ${port}: ${describe(cause)}`, { cause }),
      ),
    )
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      })
    })
  })

const describe = (cause: NodeJS.ErrnoException): string => {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'something else listens there'
    case 'EACCES':
      return 'ports below 1024 need root or CAP_NET_BIND_SERVICE'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address'
    default:
      return cause.message
  }
}
