/** Several addresses of one logical broker, as of a cluster: which is tried next, and after which pause. Pure. */
import { type BackOff, backOffDelayMs } from './back-off.ts'

/** What stands in an option or a setting: one address, or several in order of preference, with commas between. */
export const addressesOf = (url: string): string[] =>
  url
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')

/** For texts, which are logged and told to others: user, password and tokens that stand in an address are nobody's business. */
export const shownAddress = (url: string): string => url.replaceAll(/\/\/[^/,]*@/g, '//').replaceAll(/\?[^,]*/g, '')

/** mqtt:// and mqtts:// are TCP and TLS (tcp:// and ssl:// mean the same), ws:// and wss:// WebSockets. */
export const isBrokerUrl = (url: string): boolean => {
  const addresses = addressesOf(url)
  return (
    addresses.length > 0 &&
    addresses.every((address) => /^(mqtt|mqtts|ws|wss|tcp|ssl):\/\/[^/]/.test(address) && URL.canParse(address))
  )
}

export type Attempts = {
  /** failed ones in a row */
  readonly failed: number
  /** an address of this round said no, which it will say again in a second */
  readonly isRefused: boolean
}

export const noAttempts: Attempts = { failed: 0, isRefused: false }

/** The preferred address first, again at the beginning of each round. */
export const addressIndex = ({ failed }: Attempts, count: number): number => failed % count

/** A connection that stood for a while and was lost begins a new round, with a pause as after a first failure. */
export const afterLoss = (count: number): Attempts => ({ failed: count, isRefused: false })

export const afterFailure = ({ failed, isRefused }: Attempts, count: number, refused: boolean): Attempts => ({
  failed: failed + 1,
  isRefused: (failed % count === 0 ? false : isRefused) || refused,
})

/**
 * ms before the next attempt: little within a round, more with each round that failed.
 * @param random in [0, 1)
 */
export const pauseMs = (
  { failed, isRefused }: Attempts,
  count: number,
  { backOff, refusedBackOff }: { readonly backOff: BackOff; readonly refusedBackOff: BackOff },
  random: number,
): number => {
  const rounds = Math.floor(failed / count)
  if (failed % count !== 0) return backOffDelayMs({ ...backOff, capMs: backOff.baseMs }, 1, random)
  return backOffDelayMs(isRefused ? refusedBackOff : backOff, rounds, random)
}
