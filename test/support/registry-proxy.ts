/** A door before a registry that can be told to break: per request, and changed at any time. It counts what it sends. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { removeImagesOf } from './registry.ts'

export type RegistryRequest = {
  readonly kind: 'ping' | 'manifest' | 'blob' | 'other'
  readonly method: string
  readonly path: string
  /** of a blob */
  readonly digest: string | undefined
}

export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  /** takes the request and never answers; or begins to, and sends no more than so many bytes of the body */
  | { readonly kind: 'hang'; readonly afterBytes?: number }
  /** ends the connection after so many bytes of the body */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** turns the bits of the last byte over */
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }

export type RegistryProxy = {
  /** as `127.0.0.1:5000` */
  readonly host: string
  /** What goes wrong from now on; undefined: nothing. Asked for each request. */
  readonly break: (fault: ((request: RegistryRequest) => Fault | undefined) | undefined) => void
  /** sent of the body of each blob, by digest */
  readonly sentBytes: ReadonlyMap<string, number>
  readonly requests: readonly RegistryRequest[]
  /** answers of which more is to come */
  readonly openBodies: () => number
}

export const startRegistryProxy = async (target: string): Promise<RegistryProxy> => {
  let faultOf: ((request: RegistryRequest) => Fault | undefined) | undefined
  const sentBytes = new Map<string, number>()
  const requests: RegistryRequest[] = []
  let openBodies = 0
  const server = createServer((incoming, response) => {
    const request = describe(incoming)
    requests.push(request)
    const fault = faultOf?.(request)
    if (fault?.kind === 'hang' && fault.afterBytes === undefined) return
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'content-type': 'text/plain', 'retry-after': '1' }).end('broken')
      return
    }
    const count = (bytes: number): void => {
      if (request.digest !== undefined) sentBytes.set(request.digest, (sentBytes.get(request.digest) ?? 0) + bytes)
    }
    const [hostname, port] = target.split(':')
    // The client's Host: the registry makes addresses of it.
    const outgoing = httpRequest(
      { hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        openBodies += 1
        response.once('close', () => {
          openBodies -= 1
        })
        send(answer, response, fault, count).catch(() => response.destroy())
      },
    )
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await removeImagesOf(host)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return {
    host,
    break: (fault) => {
      faultOf = fault
    },
    sentBytes,
    requests,
    openBodies: () => openBodies,
  }
}

const describe = ({ method = 'GET', url = '' }: IncomingMessage): RegistryRequest => {
  const path = url.split('?')[0] ?? ''
  const digest = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1]
  const kind =
    path === '/v2/' ? 'ping' : digest !== undefined ? 'blob' : path.includes('/manifests/') ? 'manifest' : 'other'
  return { kind, method, path, digest }
}

const send = async (
  answer: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  count: (bytes: number) => void,
): Promise<void> => {
  const total = Number(answer.headers['content-length'] ?? 0)
  let sent = 0
  const write = async (part: Buffer): Promise<void> => {
    sent += part.length
    count(part.length)
    if (!response.write(part)) await new Promise((resolve) => response.once('drain', resolve))
  }
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (fault?.kind === 'slow') {
      for (const part of partsOf(chunk, Math.max(1, Math.floor(fault.bytesPerSecond / 20)))) {
        if (response.destroyed) return
        await write(part)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    } else if (fault?.kind === 'hang' && sent + chunk.length >= (fault.afterBytes ?? 0)) {
      await write(chunk.subarray(0, (fault.afterBytes ?? 0) - sent))
      return
    } else if (fault?.kind === 'cut' && sent + chunk.length >= fault.afterBytes) {
      await write(chunk.subarray(0, fault.afterBytes - sent))
      response.socket?.end()
      return
    } else if (fault?.kind === 'corrupt' && sent + chunk.length >= total) {
      const changed = Buffer.from(chunk)
      const last = changed.length - 1
      changed[last] = ~(changed[last] ?? 0) & 0xff
      await write(changed)
    } else await write(chunk)
  }
  response.end()
}

const partsOf = (chunk: Buffer, sizeBytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(chunk.length / sizeBytes) }, (_, index) =>
    chunk.subarray(index * sizeBytes, (index + 1) * sizeBytes),
  )
