/** The agent on this machine, by the socket in its state folder. */
import { request } from 'node:http'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { defined } from '../defined.ts'
import type { Bundle } from '../protocol/bundle.ts'
import type { Code } from '../protocol/codes.ts'
import {
  type AgentStatus,
  agentStatusSchema,
  type Judgement,
  judgementSchema,
  localErrorSchema,
  socketName,
} from '../protocol/local.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type Reported, reportedSchema } from '../protocol/reported.ts'

export type LocalAgent = {
  readonly check: (bundle: Bundle) => Promise<Judgement>
  readonly loadImages: (archive: Readable, archiveBytes: number) => Promise<void>
  readonly deploy: (bundle: Bundle) => Promise<Judgement>
  /** undefined: nothing was reported of it yet */
  readonly reported: (app: string) => Promise<Reported | undefined>
}

/** Every call throws LongshoreError: agent-unreachable, or with the code of the agent. */
export const localAgent = (state: string): LocalAgent => {
  const socketPath = resolve(state, socketName)
  const post = async (path: string, bundle: Bundle): Promise<Judgement> =>
    judgementSchema.parse(await call(socketPath, 'POST', path, JSON.stringify(bundle)))
  return {
    check: (bundle) => post('/deployments?check=1', bundle),
    deploy: (bundle) => post('/deployments', bundle),
    loadImages: async (archive, archiveBytes) =>
      void (await call(socketPath, 'POST', `/images?bytes=${archiveBytes}`, archive)),
    reported: async (app) => {
      try {
        return reportedSchema.parse(await call(socketPath, 'GET', `/apps/${app}`))
      } catch (error) {
        if (error instanceof LongshoreError && error.code === 'app-unknown') return undefined
        throw error
      }
    },
  }
}

/** How the device is; an agent that hangs must not hang who watches it. @throws LongshoreError agent-unreachable */
export const readAgentStatus = async (socketPath: string, patienceMs = 10_000): Promise<AgentStatus> => {
  const late = AbortSignal.timeout(patienceMs)
  return agentStatusSchema.parse(await call(socketPath, 'GET', '/status', undefined, late))
}

/** Sends no faster than the agent reads; an answer that comes before all was sent ends the sending. */
const call = (
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: string | Readable,
  signal?: AbortSignal,
): Promise<unknown> =>
  new Promise((resolveAnswer, reject) => {
    let isAnswered = false
    const fail = (error: Error): void => {
      if (!isAnswered) reject(error instanceof LongshoreError ? error : unreachable(socketPath, error))
    }
    // Kept alive: an agent that answers early and hangs up would take its answer with it, for what it did not read.
    const headers = { host: 'agent', connection: 'keep-alive' }
    const outgoing = request(
      { socketPath, method, path, agent: false, headers, ...defined({ signal }) },
      (response) => {
        isAnswered = true
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', (error) => reject(unreachable(socketPath, error)))
        response.once('end', () => {
          if (typeof body === 'object') body.unpipe(outgoing)
          outgoing.destroy()
          try {
            resolveAnswer(readAnswer(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')))
          } catch (error) {
            reject(error)
          }
        })
      },
    )
    outgoing.on('error', fail)
    if (typeof body !== 'object') {
      outgoing.end(body)
      return
    }
    body.once('error', (error) => {
      fail(new LongshoreError('file-unreadable', `reading the bundle: ${error.message}`, { cause: error }))
      outgoing.destroy()
    })
    body.pipe(outgoing)
  })

/** @throws LongshoreError with the code that the agent gave */
const readAnswer = (status: number, text: string): unknown => {
  const answer: unknown = JSON.parse(text)
  if (status === 200) return answer
  const { error } = localErrorSchema.parse(answer)
  throw new LongshoreError(error.code as Code, error.message)
}

const unreachable = (socketPath: string, error: NodeJS.ErrnoException): LongshoreError => {
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'no agent listens there',
    EACCES: 'this user may not use it',
    ABORT_ERR: 'the agent does not answer',
  }
  const said = why[error.code ?? ''] ?? `the agent went away (${error.message})`
  return new LongshoreError('agent-unreachable', `${socketPath}: ${said}`, { cause: error })
}
