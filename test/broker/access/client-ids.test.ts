import { expect, test } from 'vitest'
import { judgeClientId } from '../../../broker/access/client-ids.ts'

const nobody = { ownId: undefined, holder: undefined, session: undefined }
const take = { ok: true, isSessionStrange: false }

test('a device has its own id and no other; it is its own whoever holds it', () => {
  const device = { ...nobody, clientId: 'gw-17', user: 'gw-17', ownId: 'gw-17' }
  expect(judgeClientId(device)).toEqual(take)
  expect(judgeClientId({ ...device, clientId: 'gw-18' })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...device, clientId: 'x', holder: { user: 'gw-17' } })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...device, holder: { user: 'mallory' } })).toEqual(take)
  expect(judgeClientId({ ...device, session: { owner: 'mallory' } })).toEqual({ ok: true, isSessionStrange: true })
  expect(judgeClientId({ ...device, session: { owner: 'gw-17' } })).toEqual(take)
  // Kept before anybody had a name.
  expect(judgeClientId({ ...device, session: { owner: undefined } })).toEqual(take)
})

test('nobody else takes over what another user holds, or left', () => {
  const mallory = { ...nobody, clientId: 'gw-17', user: 'mallory' }
  expect(judgeClientId(mallory)).toEqual(take)
  expect(judgeClientId({ ...mallory, holder: { user: 'gw-17' } })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...mallory, holder: { user: undefined } })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...mallory, session: { owner: 'gw-17' } })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...mallory, session: { owner: undefined } })).toEqual({ ok: true, isSessionStrange: true })
  expect(judgeClientId({ ...mallory, holder: { user: 'mallory' }, session: { owner: 'mallory' } })).toEqual(take)
  expect(judgeClientId({ ...mallory, user: undefined, session: { owner: 'gw-17' } })).toMatchObject({ ok: false })
  expect(judgeClientId({ ...mallory, user: undefined, holder: { user: undefined } })).toEqual(take)
})
