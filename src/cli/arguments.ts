/** Arguments that several commands take, checked before anything is sent. */
import { hostname, userInfo } from 'node:os'
import { InvalidArgumentError } from 'commander'
import type { z } from 'zod'
import { parseDurationMs } from '../compose/units.ts'
import { appNameSchema, deviceIdSchema, secretNameSchema, secretScopeSchema } from '../protocol/names.ts'

const checked = (schema: z.ZodType<string>, text: string): string => {
  const result = schema.safeParse(text)
  if (result.success) return result.data
  throw new InvalidArgumentError(result.error.issues[0]?.message ?? 'is not valid')
}

export const parseApp = (text: string): string => checked(appNameSchema, text)

/** `APP`, or `APP/SERVICE`. */
export const parseTarget = (text: string): { app: string; service?: string } => {
  const [app = '', service, ...rest] = text.split('/')
  if (service === undefined) return { app: parseApp(app) }
  if (service === '' || rest.length > 0) throw new InvalidArgumentError('must be APP or APP/SERVICE')
  return { app: parseApp(app), service }
}

export const parseDevice = (text: string): string => checked(deviceIdSchema, text)

/** An app, or `_registry`. */
export const parseSecretScope = (text: string): string => checked(secretScopeSchema, text)

export const parseSecretName = (text: string): string => checked(secretNameSchema, text)

/** For an option that may be given several times. */
export const collectDevices = (text: string, before: readonly string[] = []): string[] => [
  ...new Set([...before, parseDevice(text)]),
]

export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text]

/** A timer of Node with more fires at once. */
const mostSeconds = 2_000_000

export const parseSeconds = (text: string): number => {
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0) throw new InvalidArgumentError('must be a number of seconds above 0')
  if (seconds > mostSeconds) throw new InvalidArgumentError(`must be ${mostSeconds} at most, about 23 days`)
  return seconds
}

export const parseCount = (text: string): number => {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('must be a whole number above 0')
  return count
}

/** ms */
export const parseDuration = (text: string): number => {
  const durationMs = parseDurationMs(text)
  if (durationMs === undefined || durationMs <= 0) throw new InvalidArgumentError('must be a duration, as in 8h or 30m')
  return durationMs
}

export const parsePort = (text: string): number => {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('must be a port, 0 to 65535')
  return port
}

/** Who deploys, for people to read: nothing is decided by it. */
export const operator = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    return `unknown@${hostname()}` // a user id with no name, as in many containers
  }
}
