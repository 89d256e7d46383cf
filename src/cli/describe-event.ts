/** An event as lines for a terminal. Pure but for colour. */

import { printable } from '../project/printable.ts'
import { type Event, eventKinds } from '../protocol/event.ts'
import { pad, paint } from './output.ts'

/** The time, the device and the kind stand in columns; what else is known follows, and last lines below. */
export const eventText = (device: string, event: Event): string => {
  const { kind, app, service, log = [] } = event
  const where = [app, event.replica === undefined ? service : `${service}.${event.replica}`]
    .filter((name) => name !== undefined)
    .join('/')
  const facts = printable([where, ...factsOf(event)].filter((text) => text !== '').join('  '))
  const head = `${localTime(event.at)}  ${device.padEnd(12)}  ${pad(paintKind(event.class, printable(kind)), longestKind)}  ${facts}`
  return [head.trimEnd(), ...log.map((line) => `    ${printable(line)}`)].join('\n')
}

const longestKind = Math.max(...eventKinds.map(({ length }) => length))

const factsOf = ({
  reason,
  cause,
  exitCode,
  restarts,
  durationMs,
  byMs,
  dropped,
  hardware,
  health,
  leftOut,
}: Event): string[] => [
  cause ?? '',
  reason?.message ?? (exitCode === undefined ? '' : `exit code ${exitCode}`),
  restarts === undefined ? '' : `${restarts} restarts`,
  durationMs === undefined ? '' : `after ${Math.round(durationMs / 1000)} s`,
  byMs === undefined ? '' : `by ${Math.round(byMs / 1000)} s`,
  dropped === undefined
    ? ''
    : `${dropped.count} of class ${dropped.class}, ${dropped.from} to ${dropped.to}: ${dropped.reason}`,
  hardware === undefined ? '' : hardwareText(hardware),
  health === undefined
    ? ''
    : [health.verdict, health.reasons.map(({ message }) => message).join('; ')]
        .filter((text) => text !== '')
        .join(': '),
  leftOut === undefined ? '' : `(${leftOut} more of this kind left out)`,
]

/** As far as a person needs it to go and look: /dev/ttyUSB0 serial 0403:6001 A50285BI FT232R USB UART. */
const hardwareText = ({ class: ofClass, name, node, usb, model }: NonNullable<Event['hardware']>): string =>
  [node ?? name, ofClass, usb && `${usb.vendor}:${usb.product}`, usb?.serialNumber, model ?? usb?.productName]
    .filter((text) => text !== undefined)
    .join(' ')

const paintKind = (messageClass: string, kind: string): string => (messageClass === 'alarm' ? paint('red', kind) : kind)

/** Of the machine where it is read: 2026-11-21 14:05:09. */
const localTime = (at: number): string => {
  const date = new Date(at)
  // Readers tolerate any number there.
  if (Number.isNaN(date.getTime())) return '(no such time)'.padEnd(19)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
