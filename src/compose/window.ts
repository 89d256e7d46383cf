/**
 * Maintenance windows: `0 2 * * 1-5 for 3h`, or with ` in Europe/Berlin` at its end. Pure: croner only does sums here.
 * A window lasts as long as it says, whatever clocks on the wall do meanwhile; one whose start a clock skips begins
 * where the clock goes on, and one whose start comes twice begins the first time.
 */
import { Cron } from 'croner'
import { parseDurationMs } from './units.ts'

export type Window = {
  /** five fields of cron */
  readonly start: string
  readonly durationMs: number
  /** absent: that of the device */
  readonly timeZone?: string
}

export type ParsedWindow =
  | { readonly ok: true; readonly window: Window /** in its one spelling */; readonly text: string }
  | { readonly ok: false; readonly fault: string }

/** Times in epoch ms. `closesAt`: it is open at least until then. `opensAt` is absent where it never does. */
export type WindowState =
  | { readonly isOpen: true; readonly closesAt: number }
  | { readonly isOpen: false; readonly opensAt?: number }

/** Of one app: to find out that one never opens takes tens of milliseconds. */
export const mostWindows = 50

const form = /^(\S+(?: \S+){4}) for (\S+)(?: in (\S+))?$/
const leastMs = 60_000
const mostMs = 7 * 86_400_000
/** Any moment will do to find out whether a window ever opens. */
const someTime = new Date(Date.UTC(2024, 0, 1))

export const parseWindow = (written: string): ParsedWindow => {
  const text = written.trim().replace(/\s+/g, ' ')
  const wrong = (fault: string): ParsedWindow => ({ ok: false, fault })
  const [, start, duration, timeZone] = form.exec(text) ?? []
  if (start === undefined || duration === undefined)
    return wrong('is not five fields of cron and a duration, as in "0 2 * * 1-5 for 3h"')
  const durationMs = parseDurationMs(duration)
  if (durationMs === undefined || durationMs < leastMs || durationMs > mostMs)
    return wrong(`lasts ${duration}, which is not a duration from 1m to 7d`)
  if (timeZone !== undefined && !isTimeZone(timeZone))
    return wrong(`is in ${timeZone}, which is not a time zone such as Europe/Berlin`)
  try {
    if (nextStart(start, someTime.getTime(), 'UTC') === undefined) return wrong('never opens')
  } catch (error) {
    return wrong(`has a start that is not cron: ${(error as Error).message.replace(/^CronPattern: /, '')}`)
  }
  return { ok: true, text, window: { start, durationMs, ...(timeZone === undefined ? {} : { timeZone }) } }
}

export const isTimeZone = (name: string): boolean => {
  try {
    return /^[A-Za-z]/.test(name) && Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** Of several windows together: open where one of them is. A text that is no window never opens. */
export const windowState = (windows: readonly string[], now: number, deviceTimeZone: string): WindowState => {
  const states = windows.flatMap((text) => {
    const parsed = parseWindow(text)
    return parsed.ok ? [stateOf(parsed.window, now, deviceTimeZone)] : []
  })
  const closings = states.flatMap((state) => (state.isOpen ? [state.closesAt] : []))
  if (closings.length > 0) return { isOpen: true, closesAt: Math.max(...closings) }
  const openings = states.flatMap((state) => (state.isOpen || state.opensAt === undefined ? [] : [state.opensAt]))
  return openings.length === 0 ? { isOpen: false } : { isOpen: false, opensAt: Math.min(...openings) }
}

const stateOf = ({ start, durationMs, timeZone }: Window, now: number, deviceTimeZone: string): WindowState => {
  // The first to begin so late that it is not over yet: it has begun, or it is the next.
  const begins = nextStart(start, now - durationMs, timeZone ?? deviceTimeZone)
  if (begins === undefined) return { isOpen: false }
  return begins <= now ? { isOpen: true, closesAt: begins + durationMs } : { isOpen: false, opensAt: begins }
}

/** The first start after a moment. @throws Error when it is not cron */
const nextStart = (start: string, after: number, timeZone: string): number | undefined =>
  new Cron(start, { mode: '5-part', timezone: timeZone, paused: true }).nextRun(new Date(after))?.getTime()
