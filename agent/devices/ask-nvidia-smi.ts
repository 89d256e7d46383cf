/**
 * Asks nvidia-smi once for as long as the driver and its GPUs are the same: the program takes seconds, and may hang for good.
 * Nobody waits for it; who looks gets what is known, and is told when there is more.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { defined } from '../../src/defined.ts'
import { cudaQuery, gpuQuery, type NvidiaFacts, noNvidiaFacts, parseCudaQuery, parseGpuQuery } from './nvidia-smi.ts'

export type NvidiaSource = {
  /** @param identity of the driver with its GPUs; undefined: there is none */
  readonly facts: (identity: string | undefined) => NvidiaFacts
}

export type NvidiaSourceInput = {
  /** Runs the program; resolves with what it printed. */
  readonly run: (parameters: readonly string[]) => Promise<string>
  readonly onNews: () => void
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly log: Logger
}

/** After a failure it is not asked again before. */
const againMs = 600_000

const defaultTimeoutMs = 20_000
const mostBytes = 1_048_576

/** One that hangs is killed after the time, one that prints without end after 1 MiB. */
export const runNvidiaSmi =
  (program = 'nvidia-smi', timeoutMs = defaultTimeoutMs): NvidiaSourceInput['run'] =>
  async (parameters) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: mostBytes, encoding: 'utf8' } as const
    return (await promisify(execFile)(program, [...parameters], options)).stdout
  }

export const createNvidiaSource = ({ run, onNews, monotonicMs, log }: NvidiaSourceInput): NvidiaSource => {
  let known: { readonly identity: string; readonly facts: NvidiaFacts } | undefined
  let failed: { readonly identity: string; readonly atMs: number } | undefined
  let isAsking = false

  const ask = async (identity: string): Promise<void> => {
    isAsking = true
    try {
      const gpus = parseGpuQuery(await run(gpuQuery))
      if (gpus.length === 0) throw new Error('it named no GPU')
      const cudaVersion = await run(cudaQuery).then(parseCudaQuery, () => undefined)
      known = { identity, facts: { gpus, ...defined({ cudaVersion }) } }
    } catch (error) {
      failed = { identity, atMs: monotonicMs() }
      const { message } = error as Error
      log.warn(
        { reason: message.slice(0, 200) },
        'nvidia-smi did not answer: memory and CUDA version of the GPUs are not known',
      )
    } finally {
      isAsking = false
    }
    if (known?.identity === identity) onNews()
  }

  return {
    facts: (identity) => {
      if (identity === undefined) return noNvidiaFacts
      if (known?.identity === identity) return known.facts
      const isTooEarly = failed?.identity === identity && monotonicMs() - failed.atMs < againMs
      if (!isAsking && !isTooEarly) void ask(identity)
      return noNvidiaFacts
    },
  }
}
