/**
 * One listener of any kind: each connection goes through the door, then through TLS and the handshake of a WebSocket where
 * there are such, and reaches `accept` as a stream of bytes with what is known of its other end. Knows nothing of MQTT.
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls'
import { plainSerial } from '../../src/pki/read-certificate.ts'
import { certificateUser } from './certificate-user.ts'
import { listenAt } from './listen-at.ts'
import { type ListenerSettings, type ResolvedListener, tlsOf } from './listener-settings.ts'
import type { TlsMaterial } from './tls-files.ts'
import { takeWebSockets } from './web-socket-door.ts'

export type Peer = {
  readonly listener: ResolvedListener
  readonly address: string
  /** for people */
  readonly shown: string
  /** From its certificate, which was found good: its name, and its serial number as plainSerial has it. */
  readonly certificateUser?: string
  readonly certificateSerial?: string
}

export type ListenerInput = {
  readonly listener: ResolvedListener
  readonly tls: TlsMaterial | undefined
  readonly maxFrameBytes: number
  /** TLS and the handshake of a WebSocket must be done by then. */
  readonly handshakeMs: number
  /** Whether a connection may come in; called once for each, and `left` once for each that may. */
  readonly enter: (address: string) => boolean
  readonly left: (address: string) => void
  readonly accept: (stream: Duplex, peer: Peer) => void
  readonly refused: (refusal: 'badTls' | 'badWebSocket', address: string, message: string, why?: string) => void
}

export type OpenListener = {
  /** undefined for a socket in the file system */
  readonly port: number | undefined
  /** For connections that come from now on. */
  readonly useTls: (material: TlsMaterial) => void
  readonly close: () => Promise<void>
}

/** @throws LongshoreError port-unavailable */
export const openListener = async (input: ListenerInput): Promise<OpenListener> => {
  const { listener } = input
  /** Not through yet, by their other end, and until when they may be so. */
  const early = new Map<string, { readonly socket: Socket; readonly deadline: NodeJS.Timeout }>()

  const forget = (end: string, socket: Socket): void => {
    const known = early.get(end)
    if (known?.socket !== socket) return
    clearTimeout(known.deadline)
    early.delete(end)
  }

  const through = (stream: Duplex, socket: Socket): void => {
    forget(endOf(socket), socket)
    const certified = socket instanceof TLSSocket ? judgeCertificate(socket, listener) : {}
    if ('fault' in certified) {
      input.refused('badTls', addressOf(socket), certified.fault, certified.why)
      stream.on('error', () => {})
      stream.destroy()
      return
    }
    input.accept(stream, { listener, address: addressOf(socket), shown: endOf(socket), ...certified })
  }

  const inner = createInner(input, through)
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    const address = addressOf(socket)
    if (!input.enter(address)) {
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    // One that is closed has no other end any more.
    const end = endOf(socket)
    early.set(end, { socket, deadline: setTimeout(() => socket.destroy(), input.handshakeMs) })
    socket.once('close', () => {
      forget(end, socket)
      input.left(address)
    })
    if (inner === undefined) through(socket, socket)
    else inner.emit('connection', socket)
  })
  await listenAt(server, listener)
  const address = server.address()
  return {
    port: isNetwork(address) ? address.port : undefined,
    useTls: (material) => {
      if (inner !== undefined && 'setSecureContext' in inner) inner.setSecureContext(material)
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        for (const { socket } of early.values()) socket.destroy()
      }),
  }
}

/** A server that does not listen itself: it is given each connection. */
const createInner = (input: ListenerInput, through: (stream: Duplex, socket: Socket) => void) => {
  const { listener, tls = {} } = input
  const options = { ...tls, ...clientCertificates(listener), handshakeTimeout: input.handshakeMs }
  switch (listener.type) {
    case 'tcp':
    case 'unix':
      return undefined
    case 'tls':
      return withFaults(
        createTlsServer(options, (socket) => through(socket, socket)),
        input,
      )
    case 'ws':
    case 'wss': {
      const server = listener.type === 'ws' ? createHttpServer() : withFaults(createHttpsServer(options), input)
      const { maxFrameBytes } = input
      const refused = (message: string): void => input.refused('badWebSocket', listener.name, message)
      takeWebSockets(server, { allowedOrigins: listener.allowedOrigins, maxFrameBytes, refused }, (stream, request) =>
        through(stream, request.socket),
      )
      return server
    }
  }
}

const withFaults = <Server extends TlsServer>(server: Server, input: ListenerInput): Server => {
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    input.refused('badTls', addressOf(socket), error.message)
    socket.destroy()
  })
  return server
}

/** A client that may also come with a password need not have one; what it has is judged all the same. */
const clientCertificates = (listener: ResolvedListener) => {
  const requestCert = listener.authentication.includes('certificate')
  return { requestCert, rejectUnauthorized: requestCert && listener.authentication.length === 1 }
}

const judgeCertificate = (
  socket: TLSSocket,
  listener: ListenerSettings,
):
  | { readonly certificateUser?: string; readonly certificateSerial?: string }
  | { readonly fault: string; readonly why: string } => {
  if (tlsOf(listener)?.clientCa === undefined) return {}
  const certificate = socket.getPeerCertificate()
  if (Object.keys(certificate).length === 0) return {}
  const from = tlsOf(listener)?.userFrom ?? 'cn'
  const user = certificateUser(certificate, from)
  if (!socket.authorized) {
    const why = String(socket.authorizationError)
    return { fault: `the client certificate of ${user?.slice(0, 100)} cannot be trusted: ${wordsOf[why] ?? why}`, why }
  }
  if (user !== undefined) return { certificateUser: user, certificateSerial: plainSerial(certificate.serialNumber) }
  return { fault: `the client certificate has no one ${from === 'cn' ? 'common name' : 'URI'}`, why: 'name' }
}

/** What Node says of a certificate, for people. */
const wordsOf: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; is the clock of this machine right?',
  UNABLE_TO_GET_ISSUER_CERT: 'it is of an authority that is not clientCa',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is of an authority that is not clientCa',
  SELF_SIGNED_CERT_IN_CHAIN: 'it is of an authority that is not clientCa',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  CERT_SIGNATURE_FAILURE: 'its signature is forged',
  INVALID_PURPOSE: 'it is not for clients',
}

const addressOf = ({ remoteAddress }: Socket): string => remoteAddress ?? 'local'

const endOf = (socket: Socket): string => `${addressOf(socket)} port ${socket.remotePort ?? 'unknown'}`

const isNetwork = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null
