/** Whether somebody gets the certificate that he asks for. Pure: what there is, and what time it is, comes in. */
import type { RequestFacts } from '../../src/pki/certificate-request.ts'
import type { Code } from '../../src/protocol/codes.ts'
import { deviceIdSchema } from '../../src/protocol/names.ts'
import type { Issued } from './ledger.ts'
import type { Revocation, TokenRecord } from './records.ts'

export type Verdict =
  | { readonly kind: 'issue'; readonly device: string; readonly since: number }
  /** The answer was lost: the same once more. */
  | { readonly kind: 'again'; readonly issued: Issued }
  /** Not yet; 0: now, with a request. */
  | { readonly kind: 'wait'; readonly renewInMs: number }
  | { readonly kind: 'refuse'; readonly code: Code; readonly message: string }

/** Who has a name without a certificate of ours: a user, or a device. */
export type Holder = 'user' | 'device'

/** At two thirds of its time a certificate is renewed: a device may be offline for the last third. */
const renewAfter = 2 / 3

/** A device that never hears its answers must not fill the ledger; nor must it be shut out for a year because of that. */
const mostADay = 20
const dayMs = 86_400_000

/** ms from now; 0: it is due */
export const renewInMs = ({ issuedAt, notAfter }: Issued, nowMs: number): number =>
  Math.max(0, Math.round(issuedAt + (notAfter - issuedAt) * renewAfter - nowMs))

/** Of a certificate whose name is `name`: what goes back to no token that is younger than the revocation. */
export const isRevoked = (revocation: Revocation | undefined, issued: Issued | undefined): boolean =>
  revocation !== undefined && (issued?.since ?? 0) <= revocation.at

/** undefined: it may connect. Its uses are counted later: who lost his answer comes again. */
export const tokenFault = (token: TokenRecord | undefined, nowMs: number): string | undefined => {
  if (token === undefined) return 'the token is not known here, or was revoked'
  return nowMs > token.expiresAt ? `the token ran out at ${new Date(token.expiresAt).toISOString()}` : undefined
}

/** The first certificate of a device, for a token. */
export const judgeEnrolment = (input: {
  readonly tokenId: string
  readonly token: TokenRecord | undefined
  readonly request: RequestFacts
  readonly issued: readonly Issued[]
  readonly revocations: ReadonlyMap<string, Revocation>
  readonly holderOf: (name: string) => Holder | undefined
  readonly nowMs: number
}): Verdict => {
  const { tokenId, token, request, issued, nowMs } = input
  const fault = tokenFault(token, nowMs)
  if (token === undefined || fault !== undefined) return refuse('token-refused', fault ?? '')
  const device = request.commonName ?? token.device
  if (device === undefined)
    return refuse('enrolment-refused', 'the token is for any device: name this one with --device')
  if (token.device !== undefined && device !== token.device)
    return refuse('enrolment-refused', `the token is for ${token.device}, not for ${device.slice(0, 100)}`)
  if (!deviceIdSchema.safeParse(device).success)
    return refuse('enrolment-refused', `${JSON.stringify(device.slice(0, 100))} is no device id`)
  const revocation = input.revocations.get(device)
  const own = issued.filter((one) => one.device === device && !isRevoked(revocation, one))
  const same = own.filter(({ key }) => key === request.key).at(-1)
  if (same?.token === tokenId && same.notAfter > nowMs) return { kind: 'again', issued: same }
  const used = issued.filter((one) => one.token === tokenId).length
  if (used >= token.uses) return refuse('token-refused', `the token is used up: ${used} of ${token.uses}`)
  if (revocation !== undefined && token.createdAt <= revocation.at)
    return refuse('enrolment-refused', `${device} was revoked: it needs a token that is younger than that`)
  const holder = input.holderOf(device)
  if (holder === 'user') return refuse('enrolment-refused', `${device} is the name of a user, not of a device`)
  // Also by one that ran out: what is retained for the device is for no other machine.
  const isHeld = holder === 'device' || (own.length > 0 && same === undefined)
  if (isHeld && token.device !== device)
    return refuse(
      'enrolment-refused',
      `${device} has a certificate or a password: make a token for it alone, or revoke the one it has`,
    )
  return { kind: 'issue', device, since: token.createdAt }
}

/** The next certificate of a device that came with one. */
export const judgeRenewal = (input: {
  readonly device: string
  /** that it came with */
  readonly current: Issued | undefined
  /** absent: it asks when */
  readonly request: RequestFacts | undefined
  readonly issued: readonly Issued[]
  readonly nowMs: number
}): Verdict => {
  const { device, current, request, issued, nowMs } = input
  if (current === undefined || current.device !== device)
    return refuse('enrolment-refused', `${device} did not come with a certificate of this site that was issued to it`)
  const inMs = renewInMs(current, nowMs)
  if (inMs > 0 || request === undefined) return { kind: 'wait', renewInMs: inMs }
  if (request.commonName !== device)
    return refuse(
      'enrolment-refused',
      `${device} asks for a certificate of ${String(request.commonName).slice(0, 100)}`,
    )
  const live = issued.filter((one) => one.device === device && one.notAfter > nowMs)
  const same = live.find(({ key, serial }) => key === request.key && serial !== current.serial)
  if (same !== undefined) return { kind: 'again', issued: same }
  const today = live.filter(({ issuedAt }) => issuedAt > nowMs - dayMs).length
  if (today >= mostADay) return refuse('enrolment-refused', `${device} got ${today} certificates within a day`)
  return { kind: 'issue', device, since: current.since }
}

const refuse = (code: Code, message: string): Verdict => ({ kind: 'refuse', code, message })
