import { describe, expect, test } from 'vitest'
import { type AllotInput, type Allotment, allot, lastingKey } from '../../../agent/allot/allot.ts'
import { containerDevices } from '../../../agent/allot/container-devices.ts'
import { wishOf } from '../../../agent/allot/wish.ts'
import { defaultPolicy } from '../../../agent/policy/default-policy.ts'
import { followRefusal as followRefusalOf } from '../../../agent/policy/judge-device.ts'
import { adapter, selector, wish } from '../../support/hardware.ts'

const allotted = (input: Partial<AllotInput>): Allotment[] => [
  ...allot({
    ...{ wishes: [], devices: [], held: new Map(), refusal: () => undefined, followRefusal: () => undefined },
    ...input,
  }).values(),
]

/** The names of what each got; a dash is a gap. */
const names = (input: Partial<AllotInput>): string[] =>
  allotted(input).map(({ given, missing }) =>
    [...given.map((device) => device?.name ?? '-'), ...(missing === undefined ? [] : [missing.code])].join(' '),
  )

const message = (input: Partial<AllotInput>): string | undefined => allotted(input).at(-1)?.missing?.message

const [one, two, three] = [adapter('ttyUSB0'), adapter('ttyUSB1'), adapter('ttyUSB2')] as const

describe('who comes first gets it', () => {
  test('nothing is plugged in', () => {
    expect(names({ wishes: [wish('a')] })).toEqual(['device-missing'])
    expect(message({ wishes: [wish('a', { match: { class: 'serial', usb: '0403:6001', serialNumber: 'A5' } })] })).toBe(
      'service web waits for a serial port with USB 0403:6001 and serial number A5: none is plugged in',
    )
  })

  test('two apps and two adapters: one each; a third waits, and is told for whom', () => {
    const wishes = [wish('a'), wish('b'), wish('c')]
    expect(names({ wishes, devices: [one, two] })).toEqual(['ttyUSB0', 'ttyUSB1', 'device-claimed'])
    expect(message({ wishes, devices: [one, two] })).toBe(
      'service web waits for a device with USB 0403:6001: /dev/ttyUSB0 is held by service web of app a',
    )
  })

  test('two services of one app do not share either', () => {
    const wishes = [wish('a'), wishOf({ app: 'a', service: 'api', number: 1 }, selector())]
    expect(names({ wishes, devices: [one] })).toEqual(['ttyUSB0', 'device-claimed'])
    expect(message({ wishes, devices: [one] })).toContain('is held by service web')
  })

  test('who does not mind shares', () => {
    const wishes = [wish('a', { exclusive: false }), wish('b', { exclusive: false }), wish('c')]
    expect(names({ wishes, devices: [one] })).toEqual(['ttyUSB0', 'ttyUSB0', 'device-claimed'])
    expect(names({ wishes: wishes.reverse(), devices: [one] })).toEqual(['ttyUSB0', 'device-claimed', 'device-claimed'])
  })

  test('a camera is shared where nobody says otherwise', () => {
    const camera = adapter('video0', { class: 'video', major: 81 })
    expect(names({ wishes: [wish('a'), wish('b')], devices: [camera] })).toEqual(['video0', 'video0'])
    expect(names({ wishes: [wish('a', { exclusive: true }), wish('b')], devices: [camera] })).toEqual([
      'video0',
      'device-claimed',
    ])
  })
})

describe('the rule for a major number that following needs', () => {
  const chip = adapter('tpm0', { class: 'tpm', major: 10, minor: 224 })
  const followRefusal = (rule: string) => followRefusalOf(rule, { policy: defaultPolicy, ...noOwn })
  const noOwn = { own: { folders: [], engineSockets: [] }, resolve: (path: string) => path }
  const wishFor = (onReplug?: string) => wish('a', { match: { class: 'tpm' }, ...(onReplug && { onReplug }) })

  test('is judged like the same line under device_cgroup_rules: what must follow waits, in words', () => {
    expect(names({ wishes: [wishFor('keep')], devices: [chip], followRefusal })).toEqual(['policy-refused'])
    expect(message({ wishes: [wishFor('signal:HUP')], devices: [chip], followRefusal })).toBe(
      'to follow into a running container it needs the device rule c 10:* rw, which the policy of this device does not allow: write onReplug: restart',
    )
    expect(names({ wishes: [wish('a', { onReplug: 'keep' })], devices: [one], followRefusal })).toEqual(['ttyUSB0'])
  })

  test('whoever does not say how it follows gets the exact device', () => {
    const allotments = allotted({ wishes: [wishFor()], devices: [chip], followRefusal })
    const service = { image: 'x' }
    expect(containerDevices({ service, allotments, aliasFolder: '/a', canAttach: true })).toMatchObject({
      ...{ rules: [], capDrop: [], label: expect.stringContaining('"follow":"restart"') },
    })
    expect(names({ wishes: [wishFor('restart')], devices: [chip], followRefusal })).toEqual(['tpm0'])
  })

  test('a pseudo-terminal needs none', () => {
    const terminal = adapter('pts/5', { class: 'pty', major: 136 })
    const refused = { followRefusal: () => ({ code: 'policy-refused' as const, message: 'no' }) }
    expect(names({ wishes: [wish('a', { onReplug: 'keep' })], devices: [terminal], ...refused })).toEqual(['pts/5'])
  })
})

describe('what somebody has stays his', () => {
  const held = (app: string, ...keys: (string | undefined)[]) => new Map([[wish(app).id, keys]])

  test('also when another was accepted before him', () => {
    const wishes = [wish('a'), wish('b')]
    expect(names({ wishes, devices: [one], held: held('b', '188:0') })).toEqual(['device-claimed', 'ttyUSB0'])
  })

  test('until it is away; then he has what is free', () => {
    expect(names({ wishes: [wish('a')], devices: [two, three], held: held('a', '188:0') })).toEqual(['ttyUSB1'])
  })

  test('not when it is another device by now', () => {
    const modem = adapter('ttyUSB0', { usb: { vendor: '1e0e', product: '9001' } })
    expect(names({ wishes: [wish('a')], devices: [modem], held: held('a', '188:0') })).toEqual(['device-missing'])
  })

  test('also when the kernel counted two anew, each under the number of the other', () => {
    const wishes = [wish('a'), wish('b')]
    const at = (socket: string, name: string) => adapter(name, { byPath: [`/dev/serial/by-path/${socket}`] })
    const keys = new Map([
      [wishes[0]?.id ?? '', [lastingKey(at('left', 'ttyUSB0'))]],
      [wishes[1]?.id ?? '', [lastingKey(at('right', 'ttyUSB1'))]],
    ])
    const devices = [at('right', 'ttyUSB0'), at('left', 'ttyUSB1')]
    expect(names({ wishes, devices, held: keys })).toEqual(['ttyUSB1', 'ttyUSB0'])
  })

  test('of several the others keep their places while one is away', () => {
    const wishes = [wish('a', { count: 2, target: '/dev/s{n}' })]
    const id = wishes[0]?.id ?? ''
    const both = new Map([[id, ['188:0', '188:1']]])
    expect(names({ wishes, devices: [one, two], held: new Map([[id, ['188:1', '188:0']]]) })).toEqual([
      'ttyUSB1 ttyUSB0',
    ])
    expect(names({ wishes, devices: [two], held: both })).toEqual(['- ttyUSB1 device-missing'])
    expect(names({ wishes, devices: [two, three], held: both })).toEqual(['ttyUSB2 ttyUSB1'])
    expect(message({ wishes, devices: [two], held: both })).toContain(
      'of which it needs 2 and has 1: no other is plugged in',
    )
  })
})

describe('several', () => {
  test('all there are, and none is too few', () => {
    const wishes = [wish('a', { count: 'all', target: '/dev/s{n}' })]
    expect(names({ wishes, devices: [one, two, three] })).toEqual(['ttyUSB0 ttyUSB1 ttyUSB2'])
    expect(names({ wishes, devices: [] })).toEqual(['device-missing'])
  })

  test('no more than were asked for', () => {
    expect(
      names({ wishes: [wish('a', { count: 2, target: '/dev/s{n}' }), wish('b')], devices: [one, two, three] }),
    ).toEqual(['ttyUSB0 ttyUSB1', 'ttyUSB2'])
  })
})

describe('while an app is updated', () => {
  test('old and new have the same, and another app does not', () => {
    const wishes = [wish('a', { match: { driver: 'ftdi_sio' } }), wish('a', {}, true), wish('b')]
    expect(names({ wishes, devices: [one] })).toEqual(['ttyUSB0', 'device-claimed', 'ttyUSB0'])
  })

  test('a service under a new name takes over from the one that goes', () => {
    const old = wishOf({ app: 'a', service: 'before', number: 1 }, selector(), { isOld: true })
    expect(names({ wishes: [wish('a'), old], devices: [one], held: new Map([[old.id, ['188:0']]]) })).toEqual([
      'ttyUSB0',
      'ttyUSB0',
    ])
  })
})

test('what the policy refuses is not given, and is said', () => {
  const refusal = (path: string) =>
    path === '/dev/ttyUSB0'
      ? { code: 'policy-refused' as const, message: 'this device does not allow /dev/ttyUSB0' }
      : undefined
  expect(names({ wishes: [wish('a')], devices: [one, two], refusal })).toEqual(['ttyUSB1'])
  expect(allotted({ wishes: [wish('a')], devices: [one], refusal })[0]?.missing).toEqual({
    code: 'policy-refused',
    message: 'this device does not allow /dev/ttyUSB0',
    path: 'compose.services.web.x-longshore.devices',
  })
})

test('what has no node cannot be given', () => {
  const { node: _, ...can } = adapter('can0')
  expect(names({ wishes: [wish('a')], devices: [can] })).toEqual(['device-missing'])
})
