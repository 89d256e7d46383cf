import { expect, test } from 'vitest'
import { credentialsIn, readDockerConfig } from '../../agent/registry/docker-config.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const read = (config: object) => readDockerConfig(JSON.stringify(config), '/c.json')
const given = (config: object, registry: string) => credentialsIn(read(config), registry).given
const helper = (config: object, registry: string) => credentialsIn(read(config), registry).helper

test.each([
  [{ 'r.example:5000': { auth: base64('user:pass:word') } }, 'r.example:5000'],
  [{ 'https://r.example:5000': { auth: base64('user:pass:word') } }, 'r.example:5000'],
  [{ 'https://r.example/v2/': { username: 'user', password: 'pass:word' } }, 'r.example'],
  [{ 'https://index.docker.io/v1/': { auth: base64('user:pass:word') } }, 'docker.io'],
  [{ 'docker.io': { auth: base64('user:pass:word\0') } }, 'docker.io'],
])('%j holds those of %s', (auths, registry) => {
  expect(given({ auths }, registry)).toEqual({ username: 'user', password: 'pass:word' })
})

test('an identity token stands for a password', () => {
  const auths = { 'r.example': { auth: base64('user:'), identitytoken: 'token' } }
  expect(given({ auths }, 'r.example')).toEqual({ identityToken: 'token' })
})

test.each([
  ['another registry', { auths: { 'r.example': { auth: base64('a:b') } } }],
  ['another port', { auths: { 'other.example:5000': { auth: base64('a:b') } } }],
  ['an entry that only says that a store has them', { auths: { 'other.example': {} } }],
  ['what is no user and password', { auths: { 'other.example': { auth: base64('nothing') } } }],
  ['an empty file', {}],
])('%s holds none', (_name, config) => {
  expect(given(config, 'other.example')).toBeUndefined()
})

test('the helper of a registry goes before the store of all, and each is asked by the name it knows', () => {
  const config = {
    credHelpers: { '1.dkr.ecr.example': 'ecr-login' },
    credsStore: 'pass',
    auths: { 'https://old.example/v1/': {} },
  }
  expect(helper(config, '1.dkr.ecr.example')).toEqual({ name: 'ecr-login', server: '1.dkr.ecr.example' })
  expect(helper(config, 'r.example:5000')).toEqual({ name: 'pass', server: 'r.example:5000' })
  expect(helper(config, 'old.example')).toEqual({ name: 'pass', server: 'https://old.example/v1/' })
  expect(helper(config, 'docker.io')).toEqual({ name: 'pass', server: 'https://index.docker.io/v1/' })
  expect(helper({}, 'docker.io')).toBeUndefined()
})

test.each([
  ['{"auths": {"r": {"auth": "c2VjcmV0"}', 'is not JSON'],
  ['{"auths": {"r": {"auth": 7}}}', 'auths.r.auth'],
])('what is no such file is said without what it says: %s', (text, expected) => {
  const failure = (() => {
    try {
      return readDockerConfig(text, '/c.json')
    } catch (error) {
      return error
    }
  })()
  expect(failure).toMatchObject({ code: 'credentials-unusable', message: expect.stringContaining(expected) })
  expect(String(failure)).not.toContain('c2VjcmV0')
})
