import { expect, test } from 'vitest'
import { createMinuteQuota } from '../../../broker/access/minute-quota.ts'
import { createPasswordCheck } from '../../../broker/access/password-check.ts'
import { changePasswords, hashPassword, isPassword, readPasswords } from '../../../broker/access/password-file.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

test('a password is right for its own hash only, and two hashes of it differ', async () => {
  const hash = await hashPassword(bytes('correct horse'))
  expect(await hashPassword(bytes('correct horse'))).not.toBe(hash)
  expect(await isPassword(bytes('correct horse'), hash)).toBe(true)
  expect(await isPassword(bytes('correct horse '), hash)).toBe(false)
  expect(await isPassword(bytes(''), hash)).toBe(false)
  expect(await isPassword(bytes('correct horse'), undefined)).toBe(false)
  expect(readPasswords(`# users\n\nada:${hash}\r\n`, 'f').get('ada')).toBe(hash)
})

test('a change leaves the other lines as they are', () => {
  const text = '# ours\nada:1\nbob:2\n'
  expect(changePasswords(text, 'ada', '3')).toBe('# ours\nada:3\nbob:2\n')
  expect(changePasswords(text, 'cy', '3')).toBe('# ours\nada:1\nbob:2\ncy:3\n')
  expect(changePasswords(text, 'ada', undefined)).toBe('# ours\nbob:2\n')
  expect(changePasswords('', 'ada', '1')).toBe('ada:1\n')
  expect(changePasswords('ada:1', 'ada', undefined)).toBe('')
})

test.each([
  ['no colon', 'ada'],
  ['another format', 'ada:$7$101$abc'],
  ['a later version', `ada:v2$14$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  ['a cost that would stop the broker', `ada:v1$30$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`],
  ['a user twice', `ada:v1$14$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}\n`.repeat(2)],
])('a file with %s is refused, and the hash is not quoted', (_what, text) => {
  const read = () => readPasswords(text, 'users')
  expect(read).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  expect(read).not.toThrow(/AAAA|abc/)
})

test('an address that sends wrong passwords is not listened to, until some time has passed', () => {
  const failed = createMinuteQuota(6)
  for (let count = 0; count < 6; count += 1) {
    expect(failed.isLeft('here', 0)).toBe(true)
    failed.spend('here', 0)
  }
  expect(failed.isLeft('here', 9_000)).toBe(false)
  expect(failed.isLeft('there', 0)).toBe(true)
  expect(failed.isLeft('here', 10_000)).toBe(true)
  failed.spend('here', 10_000)
  expect(failed.isLeft('here', 19_000)).toBe(false)
})

test('of many at once no more wrong ones are looked at than may be; who was right once is known again', async () => {
  const check = createPasswordCheck(createMinuteQuota(3), () => 0)
  const hash = await hashPassword(bytes('right'))
  expect(await check({ password: bytes('right'), hash, address: 'a' })).toBe('right')
  const verdicts = await Promise.all(
    Array.from({ length: 8 }, (_, index) => check({ password: bytes(`wrong ${index}`), hash, address: 'a' })),
  )
  // Two at once: one more may be under way when the third has failed.
  expect(verdicts.filter((verdict) => verdict === 'wrong').length).toBeLessThanOrEqual(4)
  expect(verdicts.filter((verdict) => verdict === 'too-many').length).toBeGreaterThanOrEqual(4)
  expect(await check({ password: bytes('right'), hash, address: 'a' })).toBe('right')
  // A new password makes the old one wrong at once.
  const changed = await hashPassword(bytes('new'))
  expect(await check({ password: bytes('right'), hash: changed, address: 'b' })).toBe('wrong')
})
