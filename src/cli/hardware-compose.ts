/** The lines of a Compose file that ask for hardware of a device, to be pasted below a service. Pure. */
import { Document, isMap, isPair, isScalar, visit } from 'yaml'
import { escapeDollars } from '../compose/interpolate.ts'
import { printable } from '../project/printable.ts'
import type { HostDevice } from '../protocol/host-device.ts'
import { type HardwareMatch, hardwareMatch } from './hardware-match.ts'

/** undefined: there is nothing that could be asked for so. */
export const hardwareCompose = (all: readonly HostDevice[]): string | undefined => {
  const entries = all.flatMap((device) => {
    const match = hardwareMatch(device, all)
    return match === undefined ? [] : [entryOf(device, match)]
  })
  return entries.length === 0 ? undefined : ['    x-longshore:', '      devices:', ...entries].join('\n')
}

const entryOf = (device: HostDevice, match: HardwareMatch): string =>
  [
    `        # ${commentOf(device, match)}`,
    `        - match: ${matchYaml(match)}`,
    `          target: ${scalarYaml(device.links?.[0] ?? device.node ?? '')}`,
  ].join('\n')

const commentOf = ({ class: ofClass, model, usb }: HostDevice, match: HardwareMatch): string => {
  const what = printable([ofClass, model ?? usb?.productName].filter((text) => text !== undefined).join(': '))
  return match.usb !== undefined && match.byPath !== undefined
    ? `${what}, which has no serial number: known by its socket`
    : what
}

/** `{ usb: "0403:6001", serialNumber: A50285BI }` */
export const matchYaml = (match: HardwareMatch): string => {
  const escaped = Object.fromEntries(Object.entries(match).map(([key, value]) => [key, escapeDollars(value)]))
  const document = new Document(escaped)
  if (isMap(document.contents)) document.contents.flow = true
  visit(document, {
    Pair: (_, pair) => {
      // Readers of older YAML take two numbers with a colon for one number.
      if (isPair(pair) && isScalar(pair.key) && isScalar(pair.value) && quotedKeys.has(String(pair.key.value)))
        pair.value.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 }).trim()
}

const quotedKeys: ReadonlySet<string> = new Set(['usb', 'interface'])

const scalarYaml = (text: string): string => new Document(escapeDollars(text)).toString({ lineWidth: 0 }).trim()
