/** Healthchecks over the Docker Engine API: what the check of a container is, and one run of it as an exec in there. */
import Docker from 'dockerode'
import { connectionOf } from './docker-connection.ts'
import { statusOf, translateError } from './docker-errors.ts'
import type { Healthcheck } from './healthcheck-verdict.ts'
import type { CheckedContainer, Checks } from './healthchecks.ts'

/** Of the whole reply of a check only its end is waited for. Rejects with engine-unreachable only. */
export const dockerChecks = (engineUrl: string): Checks => {
  const docker = new Docker({ ...connectionOf(engineUrl) })

  const read = async (id: string): Promise<CheckedContainer | undefined> => {
    try {
      const { State, Config } = await docker.getContainer(id).inspect()
      const startedAt = Date.parse(State.StartedAt)
      const healthcheck = toHealthcheck(Config.Healthcheck)
      if (State.Status !== 'running' || healthcheck === undefined || Number.isNaN(startedAt)) return undefined
      return { healthcheck, startedAt, isCheckedByEngine: (State.Health?.Log ?? []).length > 0 }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw translateError(error, `reading the healthcheck of ${id}`)
    }
  }

  const begin: Checks['begin'] = async (id, command) => {
    try {
      const exec = await docker
        .getContainer(id)
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, AttachStdin: false })
      const stream = await exec.start({ Tty: false })
      const ended = new Promise<void>((resolve) => {
        stream.once('end', resolve).once('close', resolve).once('error', resolve)
      })
      // What it says is read and dropped: a pipe that nobody reads would stop it.
      stream.resume()
      return { hasPassed: ended.then(async () => (await exec.inspect()).ExitCode === 0).catch(() => false) }
    } catch (error) {
      const translated = translateError(error, `checking the health of ${id}`)
      if (translated.code === 'engine-unreachable') throw translated
      return { hasPassed: Promise.resolve(false) }
    }
  }

  return { read, begin }
}

type HealthConfig = Docker.HealthConfig & { readonly StartInterval?: number | undefined }

/** Undefined where there is none, or it is switched off. A zero means the engine's own default. */
export const toHealthcheck = (config: HealthConfig | undefined): Healthcheck | undefined => {
  const [kind, ...rest] = config?.Test ?? []
  if (config === undefined || (kind !== 'CMD' && kind !== 'CMD-SHELL') || rest.length === 0) return undefined
  const intervalMs = ms(config.Interval) || 30_000
  return {
    command: kind === 'CMD' ? rest : ['/bin/sh', '-c', rest.join(' ')],
    intervalMs,
    timeoutMs: ms(config.Timeout) || 30_000,
    retries: config.Retries || 3,
    startPeriodMs: ms(config.StartPeriod),
    startIntervalMs: ms(config.StartInterval) || intervalMs,
  }
}

const ms = (nanoseconds: number | undefined): number => (nanoseconds ?? 0) / 1e6
