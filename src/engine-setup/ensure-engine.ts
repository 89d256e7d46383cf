/**
 * A container engine for the demo and the tests: the one that answers, or else one that is started, or else one that is
 * installed and started. The agent never does this: on a device the engine is the operator's.
 */
import { access, constants, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { LongshoreError } from '../protocol/reason.ts'
import { askVersion, dockerSocketPath, findEngine } from './find-engine.ts'
import { ensurePackages, type InstallOptions, installObstacle } from './packages.ts'
import { lastLines, runProgram } from './run-program.ts'
import { startDockerd, stopDockerd, usualDockerdPlace } from './start-dockerd.ts'
import { withLock } from './with-lock.ts'

export type EnsureEngineOptions = InstallOptions & {
  /** Leave an engine that was started here running when `stop` is called. */
  readonly keep?: boolean
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export type EnsuredEngine = {
  readonly socketPath: string
  readonly startedPid?: number
  readonly installedPackages?: readonly string[]
  /**
   * Ends the engine if this very call started it and `keep` was not asked for. Who else uses it by then cannot be
   * known, so whoever shares an engine asks for `keep`: the tests do, the demo does not.
   */
  readonly stop: () => Promise<void>
}

const enginePackages = ['docker.io', 'iptables'] as const

const advice = `start one, or install one with: apt-get install -y --no-install-recommends ${enginePackages.join(' ')}`

export const ensureEngine = async (options: EnsureEngineOptions): Promise<EnsuredEngine> => {
  const environment = options.environment ?? process.env
  const first = await findEngine(environment, options.signal)
  if (first.found !== undefined) return leaveRunning(first.found.socketPath)
  if (first.explicit)
    throw new LongshoreError('engine-unreachable', `DOCKER_HOST names an engine that cannot be used: ${first.tried[0]}`)
  // One set-up at a time: the second finds the engine of the first.
  return withLock('longshore-engine-setup', { timeoutMs: 600_000, signal: options.signal }, async () => {
    const again = await findEngine(environment, options.signal)
    if (again.found !== undefined) return leaveRunning(again.found.socketPath)
    return provide(options, again.tried)
  })
}

const provide = async (options: EnsureEngineOptions, tried: readonly string[]): Promise<EnsuredEngine> => {
  const none = `no container engine answers (${tried.join(', ')})`
  const isThere = await findProgram('dockerd')
  if (process.getuid?.() !== 0)
    throw new LongshoreError('engine-unreachable', `${none} and only root can start one; ${advice}`)
  if (!isThere) {
    const obstacle = options.install ? await installObstacle() : 'installing was not allowed'
    if (obstacle !== undefined)
      throw new LongshoreError('engine-unreachable', `${none}, none is installed and ${obstacle}; ${advice}`)
  }
  const installed = isThere ? {} : { installedPackages: await ensurePackages(enginePackages, options) }
  if (await systemdRuns()) {
    await startUnit(options)
    return { ...leaveRunning(dockerSocketPath), ...installed }
  }
  options.say(`starting dockerd, log in ${usualDockerdPlace.logFile}`)
  const { startedPid } = await startDockerd(usualDockerdPlace, options.signal)
  if (startedPid === undefined) return { ...leaveRunning(dockerSocketPath), ...installed }
  let stopping: Promise<void> | undefined
  return {
    socketPath: dockerSocketPath,
    startedPid,
    ...installed,
    stop: async () => {
      if (options.keep !== true)
        stopping ??= stopDockerd(startedPid).then(() => rm(usualDockerdPlace.logFile, { force: true }))
      await stopping
    },
  }
}

const leaveRunning = (socketPath: string): EnsuredEngine => ({ socketPath, stop: async () => {} })

/** A unit of the system belongs to the system: it is started, never stopped. */
const startUnit = async (options: EnsureEngineOptions): Promise<void> => {
  options.say('starting docker.service')
  const end = await runProgram('systemctl', ['start', 'docker.service'], { timeoutMs: 90_000, signal: options.signal })
  const answer = await askVersion(dockerSocketPath, options.signal)
  if (typeof answer === 'string')
    throw new LongshoreError(
      'engine-unreachable',
      `docker.service was started, but ${dockerSocketPath} ${answer}: ${lastLines(end.output, 5)}`,
    )
}

const systemdRuns = (): Promise<boolean> =>
  access('/run/systemd/system').then(
    () => true,
    () => false,
  )

const findProgram = async (name: string): Promise<boolean> => {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin']) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}
