/** What the containers of a device ask for of its hardware: one wish for each selector of each container. Pure. */
import { type Model, replicasOf, type Service } from '../../src/compose/model.ts'
import type { DeviceMatch, DeviceSelector } from '../../src/compose/model-device-selectors.ts'
import { digestOf } from '../../src/protocol/digest.ts'

export type DeviceWish = {
  /** the same for the same wish, whoever asks and whenever: it names the alias nodes */
  readonly id: string
  readonly app: string
  readonly service: string
  /** which container of the service, from 1 */
  readonly number: number
  readonly selector: DeviceSelector
  /** of a container that is to be replaced: it keeps what it has, and keeps nothing from the other services of its app */
  readonly isOld: boolean
  /** an entry of `devices`: the engine hands it over by its path, and the agent only waits for it */
  readonly isPlain: boolean
}

type Place = Pick<DeviceWish, 'app' | 'service' | 'number'>

export const wishOf = (
  { app, service, number }: Place,
  selector: DeviceSelector,
  { isOld = false, isPlain = false } = {},
): DeviceWish => ({
  // Whether it may be exclusive, is required or follows changes nothing of which device is meant.
  id: digestOf({ app, service, number, match: selector.match, target: selector.target }).slice('sha256:'.length, 23),
  app,
  service,
  number,
  selector,
  isOld,
  isPlain,
})

export const wishesOf = (app: string, model: Model, isOld = false): DeviceWish[] =>
  Object.entries(model.services).flatMap(([service, definition]) =>
    Array.from({ length: replicasOf(definition) }, (_, index) =>
      wishesOfService({ app, service, number: index + 1 }, definition, isOld),
    ).flat(),
  )

/** Of one container of a service. */
export const wishesOfService = (place: Place, definition: Service, isOld = false): DeviceWish[] => [
  ...(definition['x-longshore']?.devices ?? []).map((selector) => wishOf(place, selector, { isOld })),
  ...(definition.devices ?? []).flatMap(({ source, target = source }) =>
    // A name of the Container Device Interface is the engine's to find.
    source.startsWith('/')
      ? [wishOf(place, { match: { path: source }, target, exclusive: false }, { isOld, isPlain: true })]
      : [],
  ),
]

/** Where the container sees the device of this index. */
export const targetOf = ({ target }: Pick<DeviceSelector, 'target'>, index: number): string =>
  target.replaceAll('{n}', String(index))

/** For people: `a serial port with USB 0403:6001 and serial number A50285BI`. */
export const matchText = (match: DeviceMatch): string => {
  const { class: kind, ...facts } = match
  const parts = Object.entries(facts).map(([key, value]) => `${factNames[key as keyof typeof facts]} ${value}`)
  const noun = kind === undefined ? 'a device' : classNouns[kind]
  const last = parts.pop()
  if (last === undefined) return noun
  return `${noun} with ${parts.length === 0 ? last : `${parts.join(', ')} and ${last}`}`
}

const factNames: Readonly<Record<Exclude<keyof DeviceMatch, 'class'>, string>> = {
  usb: 'USB',
  serialNumber: 'serial number',
  interface: 'interface',
  byId: 'link',
  byPath: 'link',
  path: 'path',
  driver: 'driver',
}

const classNouns: Readonly<Record<NonNullable<DeviceMatch['class']>, string>> = {
  serial: 'a serial port',
  video: 'a video device',
  gpu: 'a GPU',
  npu: 'an NPU',
  i2c: 'an I2C bus',
  spi: 'an SPI device',
  gpio: 'a GPIO chip',
  sound: 'a sound device',
  input: 'an input device',
  hid: 'an HID device',
  tpm: 'a TPM',
  watchdog: 'a watchdog',
  usb: 'a USB device',
}
