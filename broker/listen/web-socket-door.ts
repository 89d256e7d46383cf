/** Takes WebSockets off an HTTP server: of programs, and of web pages that are on the list. Knows nothing of MQTT. */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { mayUpgrade } from '../rules.ts'

export type WebSocketOptions = {
  readonly allowedOrigins: readonly string[]
  readonly maxFrameBytes: number
  readonly refused: (message: string) => void
}

export const takeWebSockets = (
  server: HttpServer | HttpsServer,
  options: WebSocketOptions,
  taken: (stream: Duplex, request: IncomingMessage) => void,
): void => {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: () => 'mqtt',
  })
  server.on('request', (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain' }).end('MQTT over WebSocket only\n')
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
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
      taken(createWebSocketStream(webSocket), request)
    })
  })
}
