/** Runs the built command as processes of their own: the demo does nothing that an operator could not type. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { LongshoreError } from '../../src/protocol/reason.ts'

/** The demo is bundled beside the command. */
const command = fileURLToPath(new URL('./longshore.mjs', import.meta.url))

/** Runs one command to its end, shows what was typed and what it prints, and returns its exit code. */
export const longshore = async (
  parameters: readonly string[],
  { environment, signal }: { readonly environment: Readonly<Record<string, string>>; readonly signal?: AbortSignal },
): Promise<number> => {
  process.stdout.write(`$ longshore ${parameters.join(' ')}\n`)
  // In a group of its own: Ctrl-C on the terminal is for the demo, which then takes things down in order.
  const child = spawn(process.execPath, [command, ...parameters], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
    detached: true,
  })
  const end = (): void => void child.kill('SIGTERM')
  signal?.addEventListener('abort', end, { once: true })
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  signal?.removeEventListener('abort', end)
  signal?.throwIfAborted()
  return exitCode ?? 1
}

export type Daemon = { readonly isRunning: () => boolean; readonly stop: () => Promise<void> }

/** How long a daemon may take to be ready, and to end. */
const [readyMs, stopMs] = [20_000, 15_000]

/** Starts an agent or a broker and waits until its log says that it is ready. Its log is shown when it fails. */
export const startDaemon = async (
  parameters: readonly string[],
  readyText: string,
  signal: AbortSignal,
): Promise<Daemon> => {
  const child = spawn(process.execPath, [command, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let log = ''
  let isEnded = false
  const ended = once(child, 'exit').then(() => {
    isEnded = true
  })
  const stop = async (): Promise<void> => {
    if (isEnded) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await ended
    clearTimeout(timer)
  }
  try {
    await ready(child, readyText, signal, (text) => {
      // Only the end is of use, and a daemon may run for days.
      log = (log + text).slice(-20_000)
    })
  } catch (error) {
    await stop()
    throw error instanceof LongshoreError
      ? new LongshoreError(error.code, `longshore ${parameters[0]}: ${error.message}\n${log.trimEnd()}`)
      : error
  }
  return { isRunning: () => !isEnded, stop }
}

const ready = (child: ChildProcess, text: string, signal: AbortSignal, keep: (text: string) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = ''
    const timer = setTimeout(
      () => reject(new LongshoreError('no-answer', `not ready after ${readyMs / 1000} s`)),
      readyMs,
    )
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    child.once('exit', (exitCode) => reject(new LongshoreError('internal-error', `ended with exit code ${exitCode}`)))
    child.once('error', reject)
    child.stderr?.on('data', (chunk: Buffer) => keep(chunk.toString()))
    child.stdout?.on('data', (chunk: Buffer) => {
      keep(chunk.toString())
      if (!seen.includes(text)) seen += chunk.toString()
      if (!seen.includes(text)) return
      clearTimeout(timer)
      resolve()
    })
  })
