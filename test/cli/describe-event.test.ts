import { stripVTControlCharacters } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { eventText } from '../../src/cli/describe-event.ts'
import { remark, say } from '../../src/cli/output.ts'
import type { Event } from '../../src/protocol/event.ts'

const event = (more: Partial<Event> = {}): Event => ({
  schema: 1,
  class: 'event',
  epoch: 1,
  seq: 1,
  at: 0,
  session: 1,
  kind: 'service-ended',
  app: 'shop',
  service: 'web',
  ...more,
})

/** What a terminal obeys, beside the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/

test('nothing that a container says is obeyed by the terminal of who reads it', () => {
  const evil = 'a\u001b]0;title\u0007\u001b[2Jb\rc\u009b31m\u202ed\nsecond'
  const text = eventText('gw-1', {
    ...event({ log: [evil], reason: { code: 'exited', message: evil }, cause: evil, service: evil, kind: evil }),
  })
  expect(text).not.toMatch(control)
  expect(text.split('\n')).toHaveLength(2)
  expect(text).toContain('a\\x1b]0;title\\x07\\x1b[2Jb\\rc\\x9b31m')
})

test('columns stand under each other, whatever the colour and however long the kind', () => {
  const isTTY = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY')
  onTestFinished(() => {
    Object.defineProperty(process.stdout, 'isTTY', isTTY ?? { value: undefined, configurable: true })
    vi.unstubAllEnvs()
  })
  vi.stubEnv('NO_COLOR', '')
  vi.stubEnv('TERM', 'xterm')
  Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true })
  const column = (kind: string, messageClass: Event['class']): number =>
    stripVTControlCharacters(eventText('gw-1', event({ kind, class: messageClass }))).indexOf('shop/web')
  const columns = [
    column('link-up', 'event'),
    column('app-degraded', 'alarm'),
    column('deployment-rollback-failed', 'alarm'),
  ]
  expect(new Set(columns).size).toBe(1)
})

test('what is said or remarked carries colour, and nothing else that a terminal obeys', () => {
  const lines: string[] = []
  const take = (text: string | Uint8Array): boolean => lines.push(String(text)) > 0
  const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation(take))
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
  say('\u001b[31mred\u001b[39m\u001b[2J\ttab\r')
  remark('\u001b]0;title\u0007')
  expect(lines).toEqual(['\u001b[31mred\u001b[39m\\x1b[2J\ttab\\r\n', '\\x1b]0;title\\x07\n'])
})

test('hardware is named so that a person can go and look', () => {
  const usb = { vendor: '0403', product: '6001', serialNumber: 'A50285BI', productName: 'FT232R USB UART' }
  const hardware = { class: 'serial', name: 'ttyUSB0', node: '/dev/ttyUSB0', usb }
  const { app: _, service: __, ...plain } = event({ kind: 'device-unplugged', hardware })
  expect(eventText('gw-1', plain)).toContain('/dev/ttyUSB0 serial 0403:6001 A50285BI FT232R USB UART')
})
