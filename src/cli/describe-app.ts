/** An app's state in words for a terminal. Pure but for colour. */
import type { AppState } from '../fleet/read-state.ts'
import type { Reported } from '../protocol/reported.ts'
import { paint } from './output.ts'

const phaseStyles = {
  running: 'green',
  completed: 'green',
  failed: 'red',
  degraded: 'yellow',
  waiting: 'yellow',
} as const

export const phaseText = (phase: string): string => {
  const style = phaseStyles[phase as keyof typeof phaseStyles]
  return style === undefined ? phase : paint(style, phase)
}

/** What stands for an app in a table: its phase, or what is odd about it. */
export const appPhase = ({ desired, reported }: AppState): string => {
  if (reported?.phase == null) return reported?.refused === undefined ? phaseText('pending') : paint('red', 'refused')
  if (desired === undefined && reported.phase !== 'removed') return 'unassigned'
  if (
    desired !== undefined &&
    desired.generation > (reported.generation ?? 0) &&
    reported.refused?.generation !== desired.generation
  )
    return 'pending'
  return phaseText(reported.phase)
}

/** `2/2 running`, or each service that is not as it should be. */
export const servicesText = (reported: Reported | undefined): string => {
  const services = Object.entries(reported?.services ?? {})
  if (services.length === 0) return '-'
  const good = services.filter(([, { reason }]) => reason === undefined)
  const odd = services
    .filter(([, { reason }]) => reason !== undefined)
    .map(([name, { state, health }]) => `${name} ${health === 'none' ? state : health}`)
  return [`${good.length}/${services.length}`, ...odd].join(', ')
}

export const reasonText = ({ desired, reported }: AppState): string => {
  const refused = reported?.refused
  if (refused !== undefined && refused.generation === desired?.generation)
    return `${refused.outcome}: ${refused.reason.message}`
  return (
    reported?.waitingFor?.[0]?.message ??
    reported?.reason?.message ??
    (refused === undefined ? keptText(reported) : `${refused.outcome}: ${refused.reason.message}`)
  )
}

/** Files of which the device keeps its own version, though the release has another. */
const keptText = (reported: Reported | undefined): string => {
  const paths = (reported?.keptFiles ?? []).map(({ path }) => `./${path}`)
  return paths.length === 0 ? '' : `changed on the device and kept: ${paths.join(', ')}`
}

/** The first twelve digits name a release well enough for people. */
export const shortRelease = (release: string | null | undefined): string =>
  release?.replace('sha256:', '').slice(0, 12) ?? '-'

export const agoText = (atMs: number, nowMs: number): string => {
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
