/** Asks one of Docker's credential helpers. What it answers is held by nobody here: such credentials expire. */
import { spawn } from 'node:child_process'
import { z } from 'zod'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { RegistryCredentials } from '../engine/engine.ts'

const answerSchema = z.object({ Username: z.string(), Secret: z.string() })

/** More than any answer needs. */
const mostBytes = 64 * 1024

/**
 * @param name what stands behind `docker-credential-`
 * @param server what the helper knows the registry by
 * @returns undefined: the helper has none for it
 * @throws LongshoreError credentials-unusable; its message holds nothing of an answer
 */
export const askHelper = async (
  name: string,
  server: string,
  timeoutMs = 10_000,
): Promise<RegistryCredentials | undefined> => {
  const program = `docker-credential-${name}`
  const fail = (what: string): never => {
    throw new LongshoreError('credentials-unusable', `${program} for ${server}: ${what}`)
  }
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) fail('this is no name of a helper')
  const { exitCode, output, trouble } = await runHelper(program, server, timeoutMs)
  if (trouble !== undefined) return fail(trouble)
  // Helpers say it on standard output, and end with 1.
  if (exitCode !== 0 && /credentials not found/i.test(output)) return undefined
  if (exitCode !== 0) return fail(`it ended with ${exitCode}`)
  const parsed = answerSchema.safeParse(parseJson(output))
  if (!parsed.success) return fail('its answer is not what a helper answers')
  const { Username: username, Secret: secret } = parsed.data
  if (username === '' && secret === '') return undefined
  return username === '<token>' ? { identityToken: secret } : { username, password: secret }
}

type Run = { readonly exitCode: number | null; readonly output: string; readonly trouble?: string }

const runHelper = (program: string, input: string, timeoutMs: number): Promise<Run> =>
  new Promise((resolve) => {
    // A group of its own: what the helper started must end with it.
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
    let output = ''
    let trouble: string | undefined
    const kill = (why: string): void => {
      trouble ??= why
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // ended already
      }
    }
    const timer = setTimeout(() => kill(`no answer in ${timeoutMs / 1000} s`), timeoutMs)
    const end = (exitCode: number | null): void => {
      clearTimeout(timer)
      resolve({ exitCode, output, ...(trouble === undefined ? {} : { trouble }) })
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > mostBytes) kill('its answer is too long')
    })
    child.once('error', (error: NodeJS.ErrnoException) => {
      trouble ??= error.code === 'ENOENT' ? 'there is no such program in PATH' : `it cannot be run (${error.code})`
      end(null)
    })
    child.once('close', end)
    // One that ends without reading closes the pipe.
    child.stdin.on('error', () => undefined).end(input)
  })

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
