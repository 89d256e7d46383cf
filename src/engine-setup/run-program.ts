/** Runs a program to its end without a shell and without a terminal, and keeps what it printed. */
import { execFile } from 'node:child_process'

export type ProgramEnd = { readonly exitCode: number; readonly output: string }

/** Exit code 127 when there is no such program, 124 when it ran past its time. */
export const runProgram = (
  program: string,
  parameters: readonly string[],
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...parameters],
      {
        timeout: options.timeoutMs,
        signal: options.signal,
        maxBuffer: 16 * 1024 * 1024,
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        const output = `${stdout}${stderr}`
        if (error === null) return resolve({ exitCode: 0, output })
        if (options.signal?.aborted) return reject(options.signal.reason)
        if (error.code === 'ENOENT') return resolve({ exitCode: 127, output: `${program} is not installed` })
        if (error.killed) return resolve({ exitCode: 124, output })
        return resolve({ exitCode: typeof error.code === 'number' ? error.code : 1, output })
      },
    )
    child.stdin?.end()
  })

/** The end of a long text, for an error message. */
export const lastLines = (text: string, count: number): string => text.trimEnd().split('\n').slice(-count).join('\n')
