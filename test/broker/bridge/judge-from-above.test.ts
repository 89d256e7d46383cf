import { expect, test } from 'vitest'
import { judgeFromAbove } from '../../../broker/bridge/judge-from-above.ts'

const desired = (generation: number, issuedAt = generation): Buffer =>
  Buffer.from(JSON.stringify({ schema: 1, device: 'gw', app: 'web', generation, issuedAt, by: 'test', remove: true }))

const secret = (issuedAt: number): Buffer =>
  Buffer.from(JSON.stringify({ schema: 1, device: 'gw', app: 'web', issuedAt, by: 'test', secrets: {} }))

const noJson = Buffer.from('no JSON')

test.each([
  ['what is new above is set', 'desired', desired(1), undefined, false, 'set'],
  ['what is the same stays', 'desired', desired(1), desired(1), false, 'keep'],
  ['a higher generation above is set', 'desired', desired(2), desired(1), false, 'set'],
  ['a lower one never is', 'desired', desired(1), desired(2), false, 'keep'],
  ['not even over what came from above', 'desired', desired(1), desired(2), true, 'keep'],
  ['of one generation the later is set', 'desired', desired(1, 9), desired(1, 8), false, 'set'],
  ['newer secrets are set', 'secret', secret(2), secret(1), false, 'set'],
  ['older ones are not', 'secret', secret(1), secret(2), true, 'keep'],
  ['what cannot be read replaces nothing of the site', 'desired', noJson, desired(1), false, 'keep'],
  ['and replaces what came from above', 'desired', noJson, desired(1), true, 'set'],
  ['what is gone above is cleared, if it came from there', 'desired', undefined, desired(1), true, 'clear'],
  ['and stays, if the site deployed it', 'desired', undefined, desired(1), false, 'keep'],
  ['nothing is cleared where nothing is', 'secret', undefined, undefined, false, 'keep'],
] as const)('%s', (_, as, above, here, isFromAbove, verdict) => {
  expect(judgeFromAbove({ as, above, here, isFromAbove })).toBe(verdict)
})
