/** The names that stand in topics, labels and file names, and what each may look like. */
import { z } from 'zod'

/** Words that already mean something as a topic level or as a client id, so no device may be called so. */
export const reservedDeviceIds: readonly string[] = ['group', 'enroll', 'bridge', 'broker', 'fleet']

/** One topic level; also a file name, a client id and a certificate's common name, hence the narrow alphabet. */
export const deviceIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be 1 to 63 of A-Z a-z 0-9 _ - and start with a letter or digit')
  .refine((id) => !reservedDeviceIds.includes(id), { error: `must not be one of ${reservedDeviceIds.join(', ')}` })
  .meta({ id: 'DeviceId' })

/** A Compose project name, as Compose itself limits it. */
export const appNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z 0-9 _ - and start with a letter or digit')
  .meta({ id: 'AppName' })

/** What stands in place of an app for the credentials of registries; no app can be called so. */
export const registryScope = '_registry'

/** Whose secrets: those of an app, or the credentials of registries. */
export const secretScopeSchema = z.union([z.literal(registryScope), appNameSchema])

/** Also the name of a file in a container; of a registry it is host and port. */
export const secretNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/,
    'must be 1 to 128 of A-Z a-z 0-9 . _ : - and start with a letter or digit',
  )

/** An age recipient (X25519): the public half of a device's identity. Its checksum is judged where it is used. */
export const recipientSchema = z.string().regex(/^age1[0-9a-z]{58}$/, 'must be age1 and 58 of 0-9 a-z')

/** No dots: a service name becomes a topic level, and NATS before 2.10 has no dots there. */
export const serviceNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be 1 to 63 of A-Z a-z 0-9 _ - and start with a letter or digit')

/** Network and volume names inside a Compose file. */
export const resourceNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ - and start with a letter or digit')

export const commandIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'must be 1 to 63 of A-Z a-z 0-9 _ - and start with a letter or digit')

/** What comes before `/v1/`: any prefix a site already uses, but no wildcard and no empty level. */
export const rootSchema = z
  .string()
  .regex(/^[^/+#\0$][^/+#\0]*(\/[^/+#\0]+)*$/, 'must be topic levels without + or #, no empty level, no leading $')

export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits')

/** Milliseconds since 1970, UTC. It may be more than a Date can have: what somebody forged must still be read, to be replaced. */
export const epochMsSchema = z.int().nonnegative()

/** The last moment that a Date can have. */
export const lastDateMs = 8.64e15

/** Rises with every deployment of an app to a device; by default the time of issue in epoch ms. */
export const generationSchema = z.int().positive()

/** The longest path of a file in a release, in bytes of UTF-8; engines and file systems take no more than 4,096. */
const longestPath = 1024

/** Where a file of a release stands in the project folder: steps joined by `/`, none of them empty, `.` or `..`. */
export const isReleasePath = (path: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  !/[\0-\x1f\x7f]|\p{Surrogate}/u.test(path) &&
  byteLength(path) <= longestPath &&
  path.split('/').every((step) => step !== '' && step !== '.' && step !== '..' && byteLength(step) <= 255)

const byteLength = (text: string): number => new TextEncoder().encode(text).length

export const releasePathSchema = z
  .string()
  .refine(isReleasePath, { error: 'must be a relative path with no empty step, no . and no ..' })
