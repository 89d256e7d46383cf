/** One HTTP request over a unix socket: all that the set-up needs of the engine's API. The agent has its own client. */
import { request } from 'node:http'

export type UnixRequest = {
  readonly socketPath: string
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: Buffer
  readonly contentType?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export type UnixResponse = { readonly status: number; readonly text: string }

/** Rejects with Node's own error (ENOENT, EACCES, ECONNREFUSED…) or an AbortError; any status is an answer. */
export const requestUnix = (options: UnixRequest): Promise<UnixResponse> =>
  new Promise((resolve, reject) => {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? 10_000)
    const call = request(
      {
        socketPath: options.socketPath,
        path: options.path,
        method: options.method ?? 'GET',
        // The default agent would keep the socket, and with it the process, open.
        agent: false,
        headers: {
          host: 'engine',
          // The engine says first whether it wants the body: a refusal in the midst of it would be lost with the pipe.
          ...(options.body === undefined ? {} : { 'content-length': options.body.length, expect: '100-continue' }),
          ...(options.contentType === undefined ? {} : { 'content-type': options.contentType }),
        },
        signal: options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
          call.destroy()
        })
      },
    )
    call.on('error', reject)
    call.on('continue', () => call.end(options.body))
    if (options.body === undefined) call.end()
    else call.flushHeaders()
  })
