/** The file that says who is more, or less, than the device of his name. Pure; YAML, of which JSON is a part. */
import { parse } from 'yaml'
import { z } from 'zod'
import { own } from '../../src/defined.ts'
import { siteSchema } from '../../src/protocol/bridge.ts'
import { deviceIdSchema, rootSchema } from '../../src/protocol/names.ts'
import { formatPath } from '../../src/protocol/payload.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { defaultRoot } from '../../src/protocol/topics.ts'
import { isFilter } from './topic-filter.ts'

const filterSchema = z.string().refine(isFilter, 'is no topic filter')

const userSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('device'), device: deviceIdSchema.optional() }),
  z.strictObject({ role: z.literal('operator'), devices: z.array(deviceIdSchema).min(1).optional() }),
  z.strictObject({
    role: z.literal('client'),
    publish: z.array(filterSchema).default([]),
    subscribe: z.array(filterSchema).default([]),
  }),
  z.strictObject({
    role: z.literal('bridge'),
    site: siteSchema.optional(),
    /** under which its site stands here */
    root: rootSchema.optional(),
    devices: z.array(deviceIdSchema).min(1).optional(),
  }),
  z.strictObject({ role: z.literal('none') }),
])

const accessSchema = z.strictObject({
  root: rootSchema.default(defaultRoot),
  users: z.record(z.string().min(1), userSchema).default({}),
})

export type AccessFile = z.infer<typeof accessSchema>
export type UserEntry = z.infer<typeof userSchema>

/** Without a file: whoever has a name is the device of that name. */
export const noAccessFile: AccessFile = { root: defaultRoot, users: {} }

/** @throws LongshoreError config-invalid, with everything that is wrong */
export const readAccess = (text: string, file: string): AccessFile => {
  const parsed = accessSchema.safeParse(parseYaml(text, file) ?? {})
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${formatPath(path) || 'the file'}: ${message}`)
  throw new LongshoreError('config-invalid', faults.join('; '), { place: { file } })
}

const parseYaml = (text: string, file: string): unknown => {
  try {
    return parse(text)
  } catch (error) {
    throw new LongshoreError('config-invalid', (error as Error).message, { place: { file }, cause: error })
  }
}

export const entryOf = ({ users }: AccessFile, user: string): UserEntry | undefined => own(users, user)
