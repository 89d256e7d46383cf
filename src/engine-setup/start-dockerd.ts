/** Starts dockerd by hand, on machines with no systemd. The caller holds the lock: never two of these at once. */
import { spawn } from 'node:child_process'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LongshoreError } from '../protocol/reason.ts'
import { askVersion, dockerSocketPath } from './find-engine.ts'
import { lastLines, runProgram } from './run-program.ts'

/** Where one dockerd lives; a second one on the same machine (tests do that) needs all of it apart. */
export type DockerdPlace = {
  readonly socketPath: string
  readonly pidFile: string
  readonly containerdPidFile: string
  readonly logFile: string
  /** The program to run and its parameters. */
  readonly command: readonly [string, ...string[]]
}

export const usualDockerdPlace: DockerdPlace = {
  socketPath: dockerSocketPath,
  pidFile: '/var/run/docker.pid',
  containerdPidFile: '/var/run/docker/containerd/containerd.pid',
  logFile: '/var/log/longshore-dockerd.log',
  command: ['dockerd'],
}

const startDeadlineMs = 60_000
const endDeadlineMs = 60_000

/** Resolves when the engine answers; `startedPid` is absent when another dockerd was already on its way. */
export const startDockerd = async (
  place: DockerdPlace,
  signal?: AbortSignal,
): Promise<{ readonly startedPid?: number }> => {
  const livePid = await clearPidFile(place.pidFile, 'dockerd', signal)
  if (livePid !== undefined) {
    // Somebody else's dockerd, perhaps still starting. Two on one data directory destroy it, so wait, do not compete.
    const answered = await waitForAnswer(place.socketPath, () => true, signal)
    if (answered) return {}
    throw new LongshoreError(
      'engine-unreachable',
      `dockerd runs with pid ${livePid}, but ${place.socketPath} does not answer; end that process and try again`,
    )
  }
  await clearPidFile(place.containerdPidFile, 'containerd', signal)
  const first = await launch(place, signal)
  if ('startedPid' in first) return first
  // A containerd left behind by a dockerd that was killed is adopted by the next one, unless it hangs.
  if (!(await endLeftBehindContainerd(place, signal))) throw failed(place, first.log)
  const second = await launch(place, signal)
  if ('startedPid' in second) return second
  throw failed(place, second.log)
}

/** SIGTERM and a wait; dockerd ends its containers first, which takes up to their grace periods. */
export const stopDockerd = async (pid: number): Promise<void> => {
  sendSignal(pid, 'SIGTERM')
  if (!(await waitForEnd(pid)))
    throw new LongshoreError('engine-error', `dockerd with pid ${pid} did not end within ${endDeadlineMs} ms`)
}

const launch = async (
  place: DockerdPlace,
  signal: AbortSignal | undefined,
): Promise<{ readonly startedPid: number } | { readonly log: string }> => {
  await mkdir(dirname(place.logFile), { recursive: true })
  const log = await open(place.logFile, 'w')
  try {
    const [program, ...parameters] = place.command
    const child = spawn(program, parameters, { detached: true, stdio: ['ignore', log.fd, log.fd] })
    let ended = false
    child.on('exit', () => {
      ended = true
    })
    child.on('error', () => {
      ended = true
    })
    const answered = await waitForAnswer(place.socketPath, () => !ended, signal).catch((error: unknown) => {
      child.kill('SIGTERM')
      throw error
    })
    if (answered && child.pid !== undefined && !ended) {
      child.unref()
      return { startedPid: child.pid }
    }
    child.kill('SIGTERM')
    if (child.pid !== undefined) await waitForEnd(child.pid)
    return { log: await readFile(place.logFile, 'utf8') }
  } finally {
    await log.close()
  }
}

const waitForAnswer = async (
  socketPath: string,
  goesOn: () => boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const deadlineMs = Date.now() + startDeadlineMs
  while (goesOn() && Date.now() < deadlineMs) {
    signal?.throwIfAborted()
    if (typeof (await askVersion(socketPath, signal)) !== 'string') return true
    await delay(100)
  }
  return false
}

/**
 * The pid in a pid file if such a program runs under it. Otherwise the file is stale and goes: as long as
 * any process has that pid, a zombie too, dockerd refuses to start, or waits in vain for that containerd.
 */
const clearPidFile = async (
  pidFile: string,
  program: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> => {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (Number.isInteger(pid) && pid > 0 && (await runningPids(program, signal)).includes(pid)) return pid
  await rm(pidFile, { force: true })
  return undefined
}

const endLeftBehindContainerd = async (place: DockerdPlace, signal: AbortSignal | undefined): Promise<boolean> => {
  const pid = await clearPidFile(place.containerdPidFile, 'containerd', signal)
  if (pid === undefined) return false
  sendSignal(pid, 'SIGKILL')
  const ended = await waitForEnd(pid)
  await rm(place.containerdPidFile, { force: true })
  return ended
}

const waitForEnd = async (pid: number): Promise<boolean> => {
  const deadlineMs = Date.now() + endDeadlineMs
  while (isAlive(pid)) {
    if (Date.now() > deadlineMs) return false
    await delay(50)
  }
  return true
}

/** `pidof` is in an essential package of Debian, `ps` is not. */
const runningPids = async (program: string, signal: AbortSignal | undefined): Promise<number[]> =>
  (await runProgram('pidof', [program], { timeoutMs: 10_000, signal })).output.trim().split(/\s+/).map(Number)

const isAlive = (pid: number): boolean => sendSignal(pid, 0)

const sendSignal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(pid, name)
    return true
  } catch {
    return false
  }
}

const failed = (place: DockerdPlace, log: string) =>
  new LongshoreError(
    'engine-unreachable',
    `dockerd did not start; its log is ${place.logFile} and ends:\n${lastLines(log, 8)}`,
  )
