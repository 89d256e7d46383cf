import { describe, expect, test } from 'vitest'
import { barrierOf } from '../../src/compose/check-devices.ts'
import { validateModel } from '../../src/compose/validate.ts'
import { faultsOf, modelOf, modelOfFiles, read } from './support.ts'

const withDevices = (devices: string, more = ''): string =>
  `services:\n  web:\n    image: nginx\n${more}    x-longshore:\n      devices:\n${devices}`

const selectorsOf = (devices: string): unknown => modelOf(withDevices(devices)).services.web?.['x-longshore']?.devices

const messagesOf = (devices: string, more = ''): string[] =>
  faultsOf(withDevices(devices, more)).map(
    ({ code, place, message }) => `${code} ${place.line}:${place.column} ${message}`,
  )

describe('a device is named by what it is', () => {
  test('as it is written, and what YAML takes for numbers', () => {
    expect(
      selectorsOf(
        `        - match: { usb: 0403:6001, serialNumber: 12345678, interface: 00 }
          target: /dev/ttyPLC
        - { match: { class: serial, usb: "0403:*" }, count: all, target: "/dev/ttyS{n}", required: no, permissions: r, exclusive: false, onReplug: signal:SIGHUP }
`,
      ),
    ).toEqual([
      { match: { usb: '0403:6001', serialNumber: '12345678', interface: '00' }, target: '/dev/ttyPLC' },
      {
        match: { class: 'serial', usb: '0403:*' },
        count: 'all',
        target: '/dev/ttyS{n}',
        required: false,
        permissions: 'r',
        exclusive: false,
        onReplug: 'signal:HUP',
      },
    ])
  })

  test('two spellings of one wish are one release', () => {
    const one = selectorsOf(
      '        - { match: { usb: "0403:6001" }, target: /dev/a }\n        - { match: { usb: "0403:6001" }, target: /dev/b }\n',
    )
    const other = selectorsOf(
      '        - { match: { usb: 0403:6001 }, target: /dev/b, count: 1, required: true, permissions: wr }\n        - { target: /dev/a, match: { usb: "0403:6001" } }\n',
    )
    expect(other).toEqual(one)
  })

  test('a later file changes the device at a target', () => {
    const model = modelOfFiles({
      'a.yaml': withDevices(
        '        - { match: { usb: "0403:6001" }, target: /dev/plc }\n        - { match: { class: tpm }, target: /dev/tpm0 }\n',
      ),
      'b.yaml':
        'services: {web: {x-longshore: {devices: [{match: {usb: "1a86:7523"}, target: /dev/plc, onReplug: restart}]}}}',
    })
    expect(model.services.web?.['x-longshore']?.devices).toEqual([
      { match: { usb: '1a86:7523' }, target: '/dev/plc', onReplug: 'restart' },
      { match: { class: 'tpm' }, target: '/dev/tpm0' },
    ])
  })

  test('what is read is what the agent takes', () => {
    const result = read(
      withDevices('        - { match: { byId: /dev/serial/by-id/* }, target: /dev/plc, onReplug: keep }\n'),
    )
    expect(result.ok && validateModel(result.model).ok).toBe(true)
  })
})

describe('each mistake has its place and what to do', () => {
  const line = (text: string): string => `        - ${text}\n`
  test.each([
    ['no match', line('{ target: /dev/plc }'), 'value-invalid 6:11 a device has no match'],
    [
      'an empty match',
      line('{ match: {}, target: /dev/plc }'),
      'value-invalid 6:20 match must be a map that says which device is meant, not a map',
    ],
    ['no target', line('{ match: { class: tpm } }'), 'value-invalid 6:11 a device has no target'],
    [
      'a target elsewhere',
      line('{ match: { class: tpm }, target: /srv/plc }'),
      'value-invalid 6:44 target must be a path under /dev that the engine does not use itself, not "/srv/plc"',
    ],
    [
      'a way out',
      line('{ match: { class: tpm }, target: /dev/../etc/x }'),
      'value-invalid 6:44 target must be a path under /dev that the engine does not use itself, not "/dev/../etc/x"',
    ],
    [
      'a node of the engine',
      line('{ match: { class: tpm }, target: /dev/null }'),
      'value-invalid 6:44 target must be a path under /dev that the engine does not use itself, not "/dev/null"',
    ],
    [
      'a folder of the engine',
      line('{ match: { class: tpm }, target: /dev/pts/7 }'),
      'value-invalid 6:44 target must be a path under /dev that the engine does not use itself, not "/dev/pts/7"',
    ],
    [
      'USB by name',
      line('{ match: { usb: FTDI }, target: /dev/plc }'),
      'value-invalid 6:27 usb must be vendor and product such as "0403:6001", not "FTDI"',
    ],
    [
      'a class that is none',
      line('{ match: { class: plc }, target: /dev/plc }'),
      'value-invalid 6:29 class must be serial, video, gpu, npu, i2c, spi, gpio, sound, input, hid, tpm, watchdog or usb, not "plc"',
    ],
    [
      'a key that is none',
      line('{ match: { vendor: x }, target: /dev/plc }'),
      'key-unknown 6:22 Compose knows no key "vendor" here',
    ],
    [
      'a signal with no name',
      line('{ match: { class: tpm }, target: /dev/plc, onReplug: hup }'),
      'value-invalid 6:64 onReplug must be keep, restart or signal:HUP, not "hup"',
    ],
    [
      'the right to make nodes',
      line('{ match: { class: tpm }, target: /dev/plc, permissions: rwm }'),
      'value-invalid 6:67 permissions must be r, w or rw, not "rwm"',
    ],
    [
      'none of them',
      line('{ match: { class: tpm }, target: /dev/plc, count: 0 }'),
      'value-invalid 6:61 count must be a whole number between 1 and 64, not the number 0',
    ],
    [
      'one target twice',
      line('{ match: { class: tpm }, target: /dev/plc }') + line('{ match: { class: video }, target: /dev/plc }'),
      'value-invalid 7:46 service web: two devices have the target /dev/plc',
    ],
    [
      'one target for all',
      line('{ match: { class: serial }, target: /dev/plc, count: all }'),
      'value-invalid 6:47 service web: of several devices each needs a target of its own: write /dev/plc{n}',
    ],
    [
      'a folder that cannot follow',
      line('{ match: { class: serial }, target: /dev/plc/a, onReplug: keep }'),
      'value-invalid 6:47 service web: /dev/plc/a is in a folder, where a device cannot follow a replug: write a name directly under /dev, or onReplug: restart',
    ],
  ])('%s', (_, devices, message) => {
    expect(messagesOf(devices)).toEqual([message])
  })

  test.each([
    ['privileged', '    privileged: true\n', 'privileged: true'],
    ['a capability', '    cap_add: [SYS_ADMIN]\n', 'cap_add: [SYS_ADMIN]'],
    ['a mount over its /dev', '    volumes: ["/dev:/dev"]\n', 'a mount at /dev'],
    ['a mount in its /dev', '    tmpfs: [/dev/x]\n', 'a mount at /dev/x'],
    ['the nodes of the device elsewhere', '    volumes: ["/dev:/host"]\n', '/dev of the device mounted'],
    ['all of the device elsewhere', '    volumes: ["/:/host"]\n', '/ of the device mounted'],
  ])('keep, and %s', (_, more, what) => {
    const devices = line('{ match: { class: serial }, target: /dev/plc, onReplug: keep }')
    expect(messagesOf(devices, more)).toEqual([
      `value-invalid 7:67 service web: a service with ${what} cannot have onReplug: keep; write onReplug: restart`.replace(
        '7:57',
        '7:67',
      ),
    ])
    expect(read(withDevices(devices.replace('keep', 'restart'), more)).ok).toBe(true)
  })

  test('keep, and a mount over its /dev that a model from the wire spells otherwise', () => {
    for (const target of ['/dev/', '//dev', '/x/../dev', '/dev/shm/../foo', '/.'])
      expect(barrierOf({ image: 'x', volumes: [{ type: 'tmpfs', target }] })).toBe(`a mount at ${target}`)
    for (const target of ['/dev/shm', '/dev/shm/x', '/device', '/srv/dev'])
      expect(barrierOf({ image: 'x', volumes: [{ type: 'tmpfs', target }] })).toBeUndefined()
  })

  test('a target that a plain device has', () => {
    expect(
      messagesOf(line('{ match: { class: serial }, target: /dev/plc }'), '    devices: ["/dev/ttyS0:/dev/plc"]\n'),
    ).toEqual(['value-invalid 7:47 service web: /dev/plc is the target of /dev/ttyS0 under devices too'])
  })
})
