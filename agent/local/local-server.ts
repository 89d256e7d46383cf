/** The agent's socket for commands on the same machine: HTTP, for the user that the agent runs as and root alone. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { type LocalServer, serveOnSocket } from '../../src/local/serve-on-socket.ts'
import { type Bundle, bundleSchema, longestManifestBytes } from '../../src/protocol/bundle.ts'
import { appNameSchema } from '../../src/protocol/names.ts'
import { describeIssue } from '../../src/protocol/payload.ts'
import { LongshoreError, reasonOf } from '../../src/protocol/reason.ts'
import type { LocalApi } from './local-api.ts'

export type LocalServerInput = {
  readonly socketPath: string
  readonly api: LocalApi
  readonly log: Logger
}

export const startLocalServer = (input: LocalServerInput): Promise<LocalServer> => {
  const server = createServer((request, response) => void respond(input, request, response))
  // Gigabytes from a USB stick take longer than any limit.
  server.requestTimeout = 0
  return serveOnSocket({ ...input, server, mode: 0o600, what: 'longshore load' })
}

const respond = async (input: LocalServerInput, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    // What is not read any more must not hold back the answer.
    request.resume()
  }
  try {
    answer(200, await route(input, request))
  } catch (error) {
    const reason = reasonOf(error)
    if (reason.code === 'internal-error') input.log.error({ err: error }, 'a local request failed')
    answer(reason.code === 'internal-error' ? 500 : 422, { error: reason })
  }
}

const route = async (input: LocalServerInput, request: IncomingMessage): Promise<object> => {
  const { api, log } = input
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://agent')
  const asked = `${request.method} ${pathname}`
  if (asked === 'POST /deployments') {
    const bundle = await readBundle(request)
    return searchParams.get('check') === '1' ? await api.check(bundle) : await api.deploy(bundle)
  }
  if (asked === 'POST /images') {
    log.info('images are loaded from a bundle')
    const abort = new AbortController()
    request.once('aborted', () => abort.abort())
    await api.loadImages(request, readBytes(searchParams.get('bytes')), abort.signal)
    return {}
  }
  const app = /^GET \/apps\/([^/]+)$/.exec(asked)?.[1]
  if (app !== undefined && appNameSchema.safeParse(app).success) return api.reported(app)
  throw new LongshoreError('usage', `the agent does not know ${asked}`)
}

/** What cannot be is unknown: it is there to refuse early, and no more. */
const readBytes = (text: string | null): number => (/^\d{1,15}$/.test(text ?? '') ? Number(text) : 0)

/** @throws LongshoreError payload-too-large, payload-not-json, message-invalid */
const readBundle = async (request: IncomingMessage): Promise<Bundle> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > longestManifestBytes)
      throw new LongshoreError(
        'payload-too-large',
        `the bundle describes itself in more than ${longestManifestBytes} bytes`,
      )
    chunks.push(chunk)
  }
  let json: unknown
  try {
    json = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new LongshoreError('payload-not-json', `the body is not JSON: ${(error as Error).message}`)
  }
  const result = bundleSchema.safeParse(json)
  if (!result.success) throw new LongshoreError('message-invalid', describeIssue(result.error).message)
  return result.data
}
