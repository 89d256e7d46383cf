/** Where the broker listens and who gets in there, as it is configured and as it is then. Pure. */
import { z } from 'zod'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { isLoopback } from '../rules.ts'

export type Authentication = 'anonymous' | 'password' | 'certificate' | 'token'

const authentication = z
  .array(z.enum(['anonymous', 'password', 'certificate', 'token']))
  .min(1)
  .readonly()
  .optional()
const host = z.string().min(1).default('127.0.0.1')
const port = z.int().min(0).max(65_535)
const tls = z.strictObject({
  cert: z.string().min(1),
  key: z.string().min(1),
  clientCa: z.string().min(1).optional(),
  userFrom: z.enum(['cn', 'uri']).default('cn'),
})
const allowedOrigins = z.array(z.string()).default([])

export const listenerSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('tcp'), host, port: port.default(1883), authentication }),
  z.strictObject({ type: z.literal('tls'), host, port: port.default(8883), tls, authentication }),
  z.strictObject({ type: z.literal('ws'), host, port, allowedOrigins, authentication }),
  z.strictObject({ type: z.literal('wss'), host, port, tls, allowedOrigins, authentication }),
  z.strictObject({ type: z.literal('unix'), path: z.string().min(1), authentication }),
])

export type ListenerSettings = z.infer<typeof listenerSchema>
export type TlsSettings = z.infer<typeof tls>

export type ResolvedListener = ListenerSettings & {
  /** for people */
  readonly name: string
  readonly authentication: readonly Authentication[]
}

export type Means = {
  readonly hasUsers: boolean
  /** the authority of a site, which knows tokens */
  readonly hasEnrolment?: boolean
}

/**
 * With what each listener lets in whom: what is not said is what there are the means for.
 * @throws LongshoreError anonymous-exposed, config-invalid
 */
export const resolveListeners = (listeners: readonly ListenerSettings[], means: Means): ResolvedListener[] => {
  const resolved = listeners.map((listener) => ({
    ...listener,
    name: nameOf(listener),
    authentication: listener.authentication ?? meansOf(listener, means),
  }))
  const faults = resolved.flatMap((listener) => faultsOf(listener, means))
  if (faults.length > 0) throw new LongshoreError('config-invalid', faults.join('; '))
  const exposed = resolved.filter((one) => one.authentication.includes('anonymous') && !isLocal(one))
  if (exposed.length === 0) return resolved
  const names = exposed.map(({ name }) => name).join(', ')
  throw new LongshoreError('anonymous-exposed', `${names}: whoever reaches it could read and command the fleet`)
}

/** Whether passwords travel over a network as they are. */
export const isReadable = (listener: ResolvedListener): boolean =>
  (listener.type === 'tcp' || listener.type === 'ws') &&
  listener.authentication.includes('password') &&
  !isLocal(listener)

/** undefined for those without */
export const tlsOf = (listener: ListenerSettings): TlsSettings | undefined =>
  'tls' in listener ? listener.tls : undefined

const meansOf = (listener: ListenerSettings, { hasUsers, hasEnrolment }: Means): readonly Authentication[] => {
  const means: Authentication[] = []
  const takesCertificates = tlsOf(listener)?.clientCa !== undefined
  if (takesCertificates) means.push('certificate')
  if (takesCertificates && hasEnrolment === true) means.push('token')
  if (hasUsers) means.push('password')
  return means.length === 0 ? ['anonymous'] : means
}

const faultsOf = (listener: ResolvedListener, { hasUsers, hasEnrolment }: Means): string[] => {
  const { name, authentication } = listener
  const faults: string[] = []
  if (authentication.includes('password') && !hasUsers) faults.push(`${name}: passwords need the setting users`)
  const takesCertificates = authentication.includes('certificate')
  if (authentication.includes('token') && !(takesCertificates && hasEnrolment === true))
    faults.push(`${name}: tokens need the setting enrolment, and certificates beside them`)
  if (takesCertificates !== (tlsOf(listener)?.clientCa !== undefined))
    faults.push(
      takesCertificates
        ? `${name}: certificates need tls with clientCa`
        : `${name}: clientCa has no use without the authentication certificate`,
    )
  return faults
}

const isLocal = (listener: ListenerSettings): boolean => listener.type === 'unix' || isLoopback(listener.host)

const nameOf = (listener: ListenerSettings): string => {
  if (listener.type === 'unix') return `unix ${listener.path}`
  const { type, host, port } = listener
  return `${type} ${host.includes(':') ? `[${host}]` : host}:${port}`
}
