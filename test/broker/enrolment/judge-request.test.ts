import { describe, expect, test } from 'vitest'
import { isRevoked, judgeEnrolment, judgeRenewal, renewInMs } from '../../../broker/enrolment/judge-request.ts'
import type { Issued } from '../../../broker/enrolment/ledger.ts'
import type { TokenRecord } from '../../../broker/enrolment/records.ts'

const dayMs = 86_400_000

const token: TokenRecord = { secret: '', createdAt: 100, expiresAt: 1_000, uses: 2, labels: {} }

const issued = (more: Partial<Issued> = {}): Issued => ({
  serial: 'a1',
  device: 'gw-1',
  key: 'k1',
  token: 't1',
  since: 100,
  issuedAt: 100,
  notAfter: 1_000,
  certificate: 'PEM',
  ...more,
})

describe('a first certificate', () => {
  const judge = (more: Partial<Parameters<typeof judgeEnrolment>[0]> = {}) =>
    judgeEnrolment({
      tokenId: 't1',
      token,
      request: { commonName: 'gw-1', key: 'k1' },
      issued: [],
      revocations: new Map(),
      holderOf: () => undefined,
      nowMs: 500,
      ...more,
    })

  test('is issued for the name asked for, or the one of the token', () => {
    expect(judge()).toEqual({ kind: 'issue', device: 'gw-1', since: 100 })
    const bound = { ...token, device: 'gw-7' }
    expect(judge({ token: bound, request: { commonName: undefined, key: 'k1' } })).toMatchObject({ device: 'gw-7' })
  })

  test('is the same again for the same key and token, also when the token is used up', () => {
    const spent = { ...token, uses: 1 }
    expect(judge({ token: spent, issued: [issued()] })).toEqual({ kind: 'again', issued: issued() })
    expect(judge({ token: spent, issued: [issued({ key: 'k2' })] })).toMatchObject({
      message: 'the token is used up: 1 of 1',
    })
    expect(judge({ issued: [issued({ notAfter: 400 })] })).toMatchObject({ kind: 'issue' })
  })

  test('renewals use up no token', () => {
    const renewal = issued({ serial: 'a2', device: 'gw-2' })
    const { token: _none, ...rest } = renewal
    expect(judge({ issued: [rest, rest, rest] })).toMatchObject({ kind: 'issue' })
  })

  test.each([
    ['a token that is gone', { token: undefined }, 'not known here'],
    ['a token that ran out', { nowMs: 1_001 }, 'ran out'],
    ['no name', { request: { commonName: undefined, key: 'k1' } }, '--device'],
    ['a name that is none', { request: { commonName: '#', key: 'k1' } }, 'no device id'],
    ['a reserved name', { request: { commonName: 'fleet', key: 'k1' } }, 'no device id'],
    ['another name than that of the token', { token: { ...token, device: 'gw-7' } }, 'is for gw-7'],
    ['a user', { holderOf: () => 'user' as const }, 'name of a user'],
    ['a device with a password', { holderOf: () => 'device' as const }, 'or a password'],
    ['a device with a certificate', { issued: [issued({ key: 'k2', token: 't2' })] }, 'has a certificate'],
    [
      'a device with one that ran out',
      { issued: [issued({ key: 'k2', token: 't2', notAfter: 400 })] },
      'has a certificate',
    ],
    ['a device that was revoked later', { revocations: new Map([['gw-1', { at: 100 }]]) }, 'younger'],
  ])('is refused to %s', (_what, more, message) => {
    expect(judge(more)).toMatchObject({ kind: 'refuse', message: expect.stringContaining(message) })
  })

  test('a token for one device lets it have another certificate, and a revoked one is no hindrance', () => {
    const before = [issued({ key: 'k2', token: 't2' })]
    expect(judge({ issued: before, token: { ...token, device: 'gw-1' } })).toMatchObject({ kind: 'issue' })
    const revocations = new Map([['gw-1', { at: 99 }]])
    expect(judge({ issued: [issued({ key: 'k2', token: 't2', since: 99 })], revocations })).toMatchObject({
      kind: 'issue',
    })
  })
})

describe('a next certificate', () => {
  const judge = (more: Partial<Parameters<typeof judgeRenewal>[0]> = {}) =>
    judgeRenewal({
      device: 'gw-1',
      current: issued(),
      request: { commonName: 'gw-1', key: 'k2' },
      issued: [issued()],
      nowMs: 700,
      ...more,
    })

  const twenty = Array.from({ length: 20 }, (_, n) => issued({ serial: `b${n}`, notAfter: 365 * dayMs }))

  test('is issued once more a day after twenty were', () => {
    const current = issued({ notAfter: 2 * dayMs })
    expect(judge({ current, issued: [current, ...twenty], nowMs: 1.5 * dayMs })).toMatchObject({ kind: 'issue' })
  })

  test('is issued after two thirds of the time of the one in use, and keeps what that goes back to', () => {
    expect(renewInMs(issued(), 500)).toBe(200)
    expect(judge({ nowMs: 500 })).toEqual({ kind: 'wait', renewInMs: 200 })
    expect(judge({ request: undefined })).toEqual({ kind: 'wait', renewInMs: 0 })
    expect(judge()).toEqual({ kind: 'issue', device: 'gw-1', since: 100 })
    const next = issued({ serial: 'a2', key: 'k2' })
    expect(judge({ issued: [issued(), next] })).toEqual({ kind: 'again', issued: next })
  })

  test.each([
    ['one who came without a certificate of ours', { current: undefined }, 'did not come with'],
    ['another device', { device: 'gw-2' }, 'did not come with'],
    ['a request under another name', { request: { commonName: 'gw-2', key: 'k2' } }, 'of gw-2'],
    ['one who got twenty today', { issued: twenty }, 'got 20'],
  ])('is refused to %s', (_what, more, message) => {
    expect(judge(more)).toMatchObject({ kind: 'refuse', message: expect.stringContaining(message) })
  })
})

test('a revocation means what goes back to no younger token, and what nobody remembers', () => {
  expect(isRevoked(undefined, undefined)).toBe(false)
  expect(isRevoked({ at: 100 }, undefined)).toBe(true)
  expect(isRevoked({ at: 100 }, issued({ since: 100, issuedAt: 900 }))).toBe(true)
  expect(isRevoked({ at: 100 }, issued({ since: 101 }))).toBe(false)
})
