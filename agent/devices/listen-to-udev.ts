/**
 * Hears what udev announces, by one `udevadm monitor` that runs on: what makes no node, such as a network interface, and when
 * udev is done with what does. Optional: inotify and the poll go without it.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Logger } from 'pino'

const subsystems = ['net', 'tty', 'usb', 'drm', 'video4linux', 'sound', 'input'] as const

export const udevMonitor: readonly [string, ...string[]] = [
  'udevadm',
  'monitor',
  '--udev',
  ...subsystems.map((name) => `--subsystem-match=${name}`),
]

export type UdevInput = {
  /** program and parameters; its lines are read */
  readonly command?: readonly [string, ...string[]]
  readonly firstPauseMs?: number
  readonly log: Logger
}

const defaultFirstPauseMs = 1_000
const longestPauseMs = 600_000
/** One that ran so long was no failure from the start. */
const provenMs = 60_000

export const listenToUdev =
  ({ command = udevMonitor, firstPauseMs = defaultFirstPauseMs, log }: UdevInput) =>
  (onNews: () => void): { readonly stop: () => void } => {
    let pauseMs = firstPauseMs
    let isStopped = false
    let isTold = false
    let timer: NodeJS.Timeout | undefined
    let child: ReturnType<typeof run> | undefined

    const tell = (reason: string): void => {
      if (!isTold) log.info({ reason }, 'no udev to listen to: what makes no node is found by the poll')
      isTold = true
    }

    const start = (): void => {
      const startedMs = performance.now()
      const ended = (reason: string, isMissing: boolean): void => {
        if (isStopped) return
        tell(reason)
        if (isMissing) return
        pauseMs = performance.now() - startedMs > provenMs ? firstPauseMs : Math.min(2 * pauseMs, longestPauseMs)
        timer = setTimeout(start, pauseMs).unref()
      }
      child = run(command, (line) => isNews(line) && onNews(), ended)
    }
    start()

    return {
      stop: () => {
        isStopped = true
        clearTimeout(timer)
        child?.kill()
      },
    }
  }

const run = (
  [program, ...parameters]: readonly [string, ...string[]],
  onLine: (line: string) => void,
  onEnd: (reason: string, isMissing: boolean) => void,
) => {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'ignore'] })
  // Neither the program nor its pipe keeps an agent alive that is to end.
  child.unref()
  let isOver = false
  const end = (reason: string, isMissing: boolean): void => {
    if (!isOver) onEnd(reason, isMissing)
    isOver = true
  }
  child.on('error', (error: NodeJS.ErrnoException) => end(error.message, error.code === 'ENOENT'))
  child.on('exit', (code, signal) => end(`${program} ended with ${signal ?? code}`, false))
  createInterface({ input: child.stdout }).on('line', onLine)
  return child
}

/** Bridges and the ends of containers come and go with what runs; a virtual CAN is one that can be given. */
export const isNews = (line: string): boolean => {
  const [, path] = /^UDEV\s+\[[\d.]+\]\s+(?:add|remove|move|bind|unbind)\s+(\/devices\/\S+)/.exec(line) ?? []
  if (path === undefined) return false
  return !path.startsWith('/devices/virtual/net/') || /\/[a-z]*can\d+$/.test(path)
}
