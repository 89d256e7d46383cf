import { expect, test } from 'vitest'
import { publishPacket, releasePacket } from '../../broker/publish-packet.ts'

test('a packet is what section 3.3 of MQTT 3.1.1 says', () => {
  const packet = { topic: 'a/b', payload: Buffer.from('hi'), qos: 1, messageId: 0x1234, isAgain: false } as const
  expect(publishPacket(packet).toString('hex')).toBe('32090003612f6212346869')
  expect(publishPacket({ ...packet, qos: 2, isAgain: true }).toString('hex')).toBe('3c090003612f6212346869')
  expect(releasePacket(0x1234).toString('hex')).toBe('62021234')
})

test.each([
  [127, '7f'],
  [128, '8001'],
  [16_383, 'ff7f'],
  [16_384, '808001'],
  [2_097_151, 'ffff7f'],
  [2_097_152, '80808001'],
])('a remaining length of %d', (length, expected) => {
  // Topic and identifier take 5 bytes.
  const payload = Buffer.alloc(length - 5)
  const bytes = publishPacket({ topic: 'a', payload, qos: 1, messageId: 1, isAgain: false })
  expect(bytes.toString('hex', 1, 1 + expected.length / 2)).toBe(expected)
  expect(bytes.length).toBe(1 + expected.length / 2 + length)
})
