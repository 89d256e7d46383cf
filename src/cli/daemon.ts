/** What agent and broker share on the command line: a configuration file under the flags, a log, and a tidy end. */
import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { type Logger, pino } from 'pino'
import { parse } from 'yaml'
import type { z } from 'zod'
import { formatPath } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'

/** Flags over file over defaults; everything wrong is in the one error. @throws LongshoreError config-invalid, file-unreadable */
export const readConfig = async <T>(
  schema: z.ZodType<T>,
  file: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): Promise<T> => {
  const fromFile = file === undefined ? {} : await readYaml(file)
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
  const parsed = schema.safeParse({ ...fromFile, ...given })
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => {
    const path = formatPath(issue.path) || 'configuration'
    return issue.code === 'invalid_type' && issue.input === undefined && !(path in given) && !(path in fromFile)
      ? `${path} is missing: give it as a flag or in the file of --config`
      : `${path}: ${issue.message}`
  })
  throw new LongshoreError('config-invalid', faults.join('; '), file === undefined ? {} : { place: { file } })
}

const readYaml = async (file: string): Promise<Record<string, unknown>> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
  try {
    const value: unknown = parse(text) ?? {}
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    throw new LongshoreError('config-invalid', (error as Error).message, { place: { file }, cause: error })
  }
  throw new LongshoreError('config-invalid', 'the file is not a map of keys to values', { place: { file } })
}

export const logLevelOption = (): Option =>
  new Option('--log-level <level>', 'how much it says')
    .choices(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')

const syslogLevels: Readonly<Record<string, number>> = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 }

/**
 * JSON lines on stdout; under journald each with its priority in front, so that `journalctl -p` works.
 * @param keep is given each line too
 */
export const createLog = (level: string, keep: (line: string) => void = () => undefined): Logger => {
  const isJournal = process.env.JOURNAL_STREAM !== undefined
  const stdout = isJournal ? undefined : pino.destination({ fd: 1, sync: true })
  const write = (line: string): void => {
    if (stdout !== undefined) stdout.write(line)
    else {
      const found = /"level":"(\w+)"/.exec(line)?.[1] ?? 'info'
      process.stdout.write(`<${syslogLevels[found] ?? 6}>${line}`)
    }
    keep(line)
  }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
}

/** Resolves at the first SIGINT or SIGTERM, having run `stop`; a second signal ends the process at once. */
export const untilSignal = async (log: Logger, stop: () => Promise<void>): Promise<void> => {
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  log.info({ signal }, 'stopping')
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  await stop()
  log.info('stopped')
}

/** No fault may end a daemon in silence: it is logged, and the process ends so that its supervisor starts it again. */
export const failLoudly = (log: Logger): void => {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception; ending')
    process.exit(1)
  })
  process.on('unhandledRejection', (reason) => {
    log.fatal({ err: reason }, 'unhandled rejection; ending')
    process.exit(1)
  })
}
